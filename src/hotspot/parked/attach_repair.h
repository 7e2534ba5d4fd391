/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Repairs the attach mechanism (jcmd, jstack) in a restored process. JDKs before JDK-8225690 store
 * the process ID and the socket of a listener. Later ones make a socket when its file is missing,
 * and a new JVM first removes the file that an earlier process with its process ID has left.
 */
#ifndef CKPT_HOTSPOT_PARKED_ATTACH_REPAIR_H
#define CKPT_HOTSPOT_PARKED_ATTACH_REPAIR_H

#include <stddef.h>
#include <stdint.h>

/** What has to be repaired; set by attach_jdk8.c. */
extern struct ckpt_attach {
    int32_t *stored_pid; /**< NULL: this JVM does not store it */
    /** the listener's variable with the path of its socket; NULL: not found */
    char *socket_path;
    size_t socket_path_room; /**< how many bytes can be written to socket_path */
    int listener;            /**< the listener's descriptor; -1: there is no listener */
} ckpt_attach;

/** In the restored process: repair the stored PID and the socket. */
void ckpt_attach_repair(void);

#endif
