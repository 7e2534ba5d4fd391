/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See endpoint_table.h. Runs while all threads are parked: raw system calls only.
 */
#include "agent/parked/endpoint_table.h"

#include "agent/parked/reserved_fds.h"
#include "base/own_files.h"

struct ckpt_endpoint_table ckpt_endpoint_table;

void ckpt_endpoint_table_reserve(void)
{
    int fds[CKPT_ENDPOINT_FDS_MAX];

    for (size_t i = 0; i < ckpt_endpoint_table.count; i++)
        fds[i] = ckpt_endpoint_table.entries[i].fd;
    ckpt_reserved_fds_open(fds, ckpt_endpoint_table.count);
}

void ckpt_endpoint_table_unlink(void)
{
    if (ckpt_endpoint_table.path[0])
        ckpt_own_files_unlink_socket(ckpt_endpoint_table.path);
}
