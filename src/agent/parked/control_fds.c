/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See control_fds.h. Runs while all threads are parked: raw system calls only.
 */
#include "agent/parked/control_fds.h"

#include <sys/socket.h>

#include "agent/parked/reserved_fds.h"
#include "base/own_files.h"
#include "base/syscall.h"

struct ckpt_control_fds ckpt_control_fds = {
    .listener = -1, .reserve = -1, .connections = {[0 ... CKPT_CONTROL_CONNECTIONS_MAX - 1] = -1}};

size_t ckpt_control_fds_list(int ret[CKPT_CONTROL_FDS_MAX])
{
    size_t count = 0;

    if (ckpt_control_fds.listener >= 0)
        ret[count++] = ckpt_control_fds.listener;
    if (ckpt_control_fds.reserve >= 0)
        ret[count++] = ckpt_control_fds.reserve;
    for (int i = 0; i < CKPT_CONTROL_CONNECTIONS_MAX; i++)
        if (ckpt_control_fds.connections[i] >= 0)
            ret[count++] = ckpt_control_fds.connections[i];
    return count;
}

void ckpt_control_fds_fail_others(int except)
{
    static const char text[] =
        "text the JVM was frozen for another request before this one\nfailed\n";

    for (int i = 0; i < CKPT_CONTROL_CONNECTIONS_MAX; i++)
        if (ckpt_control_fds.connections[i] >= 0 && ckpt_control_fds.connections[i] != except)
            ckpt_syscall(SYS_sendto, ckpt_control_fds.connections[i], text, sizeof text - 1,
                         MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

void ckpt_control_fds_reserve(void)
{
    int fds[CKPT_CONTROL_FDS_MAX];

    ckpt_reserved_fds_open(fds, ckpt_control_fds_list(fds));
}

void ckpt_control_fds_unlink(void)
{
    if (ckpt_control_fds.path[0])
        ckpt_own_files_unlink_socket(ckpt_control_fds.path);
}
