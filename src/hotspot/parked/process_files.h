/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Files whose name contains the JVM's process ID: HotSpot's performance data (hsperfdata), and the
 * socket of its attach mechanism (jcmd, jstack).
 */
#ifndef CKPT_HOTSPOT_PARKED_PROCESS_FILES_H
#define CKPT_HOTSPOT_PARKED_PROCESS_FILES_H

#include <limits.h>
#include <stdint.h>

/** Path of the attach mechanism's socket, before the process ID. */
#define CKPT_ATTACH_SOCKET "/tmp/.java_pid"

/** This JVM's hsperfdata file; set by perfdata.c. */
extern struct ckpt_perfdata {
    char path[PATH_MAX]; /**< the file's path; "" if there is none */
    uint64_t inode, start;
} ckpt_perfdata;

/**
 * Remove this process's hsperfdata file and attach socket. Can also be called while the other
 * threads run.
 */
void ckpt_process_files_unlink(void);

#endif
