/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See process_files.h. Runs while all threads are parked: only raw system calls.
 */
#include "hotspot/parked/process_files.h"

#include "base/own_files.h"
#include "base/raw.h"
#include "base/syscall.h"

struct ckpt_perfdata ckpt_perfdata;

void ckpt_process_files_unlink(void)
{
    char socket[64];

    ckpt_raw_format(socket, sizeof socket, CKPT_ATTACH_SOCKET "%d", (int)ckpt_sys_getpid());
    ckpt_own_files_unlink_socket(socket);
    if (ckpt_perfdata.path[0])
        ckpt_own_files_unlink(ckpt_perfdata.path, ckpt_perfdata.inode, ckpt_perfdata.start);
}
