/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Files that have the JVM's process ID for a name: HotSpot's performance data (hsperfdata), and the
 * socket of its attach mechanism (jcmd, jstack).
 */
#ifndef CKPT_HOTSPOT_PARKED_PROCESS_FILES_H
#define CKPT_HOTSPOT_PARKED_PROCESS_FILES_H

#include <limits.h>
#include <stdint.h>

/** The attach mechanism's socket; the process ID follows. */
#define CKPT_ATTACH_SOCKET "/tmp/.java_pid"

/** The JVM's own hsperfdata; perfdata.c fills it in. */
extern struct ckpt_perfdata {
    char path[PATH_MAX]; /**< "": there is none */
    uint64_t inode, start;
} ckpt_perfdata;

/** Remove those of this process.  May be called by ordinary code too. */
void ckpt_process_files_unlink(void);

#endif
