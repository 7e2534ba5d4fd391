/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Repairs the attach mechanism (jcmd, jstack) of JDKs before JDK-8225690 in a restored process: the
 * process ID that they store, and the socket of a listener that existed at the freeze.
 */
#ifndef CKPT_HOTSPOT_PARKED_ATTACH_REPAIR_H
#define CKPT_HOTSPOT_PARKED_ATTACH_REPAIR_H

#include <stddef.h>
#include <stdint.h>

/** What has to be repaired; set by attach_jdk8.c. */
extern struct ckpt_attach {
    int32_t *stored_pid;     /**< NULL: this JVM does not store it */
    char *socket_path;       /**< of the listener; NULL: not known */
    size_t socket_path_room; /**< bytes that may be written there */
    int listener;            /**< its descriptor; -1: there is none */
} ckpt_attach;

/** Repair them, in the restored process. */
void ckpt_attach_repair(void);

#endif
