/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See control_fds.h.  Runs while all threads are parked: raw system calls only.
 */
#include "agent/parked/control_fds.h"

#include <sys/socket.h>

#include "agent/parked/held_numbers.h"
#include "base/own_files.h"
#include "base/syscall.h"

struct ckpt_control ckpt_control = {
    .listener = -1, .spare = -1, .connections = {[0 ... CKPT_CONTROL_MOST - 1] = -1}};

size_t ckpt_control_fds(int ret[CKPT_CONTROL_FDS])
{
    size_t count = 0;

    if (ckpt_control.listener >= 0)
        ret[count++] = ckpt_control.listener;
    if (ckpt_control.spare >= 0)
        ret[count++] = ckpt_control.spare;
    for (int i = 0; i < CKPT_CONTROL_MOST; i++)
        if (ckpt_control.connections[i] >= 0)
            ret[count++] = ckpt_control.connections[i];
    return count;
}

void ckpt_control_dismiss(int except)
{
    static const char text[] =
        "text the JVM was frozen for another request before this one\nfailed\n";

    for (int i = 0; i < CKPT_CONTROL_MOST; i++)
        if (ckpt_control.connections[i] >= 0 && ckpt_control.connections[i] != except)
            ckpt_syscall(SYS_sendto, ckpt_control.connections[i], text, sizeof text - 1,
                         MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

void ckpt_control_hold(void)
{
    int fds[CKPT_CONTROL_FDS];

    ckpt_numbers_hold(fds, ckpt_control_fds(fds));
}

void ckpt_control_unlink(void)
{
    if (ckpt_control.path[0])
        ckpt_own_files_unlink_socket(ckpt_control.path);
}
