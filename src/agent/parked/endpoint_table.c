/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See endpoint_table.h.  Runs while all threads are parked: raw system calls only.
 */
#include "agent/parked/endpoint_table.h"

#include "agent/parked/held_numbers.h"
#include "base/own_files.h"

struct ckpt_http_fds ckpt_http_fds;

void ckpt_http_hold(void)
{
    int fds[CKPT_HTTP_FDS_MAX];

    for (size_t i = 0; i < ckpt_http_fds.count; i++)
        fds[i] = ckpt_http_fds.table[i].fd;
    ckpt_numbers_hold(fds, ckpt_http_fds.count);
}

void ckpt_http_unlink(void)
{
    if (ckpt_http_fds.path[0])
        ckpt_own_files_unlink_socket(ckpt_http_fds.path);
}
