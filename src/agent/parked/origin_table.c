/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See origin_table.h. Runs while all threads are parked: raw system calls only.
 */
#include "agent/parked/origin_table.h"

#include <stddef.h>
#include <sys/stat.h>

#include "base/syscall.h"

struct ckpt_origin_table ckpt_origin_table;

void ckpt_origin_table_restored(void)
{
    struct stat status;

    ckpt_origin_table.pid = ckpt_sys_getpid();
    for (int i = 0; i < CKPT_ORIGIN_PIECES; i++) {
        struct ckpt_origin *piece = ckpt_origin_table.pieces[i];

        for (int k = 0; piece && k < CKPT_ORIGIN_PIECE; k++)
            if (piece[k].valid && ckpt_sys_fstat(i * CKPT_ORIGIN_PIECE + k, &status) == 0) {
                piece[k].device = status.st_dev;
                piece[k].inode = status.st_ino;
            }
    }
}
