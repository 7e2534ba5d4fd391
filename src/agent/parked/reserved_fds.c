/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See reserved_fds.h. Runs while all threads are parked: raw system calls only.
 */
#include "agent/parked/reserved_fds.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/syscall.h"

void ckpt_reserved_fds_open(const int *fds, size_t count)
{
    bool is_reserved = false;
    int socket;

    if (!count)
        return;
    socket = (int)ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    for (size_t i = 0; socket >= 0 && i < count; i++) {
        is_reserved |= fds[i] == socket;
        if (fds[i] != socket)
            ckpt_syscall(SYS_dup3, socket, fds[i], O_CLOEXEC, 0, 0, 0);
    }
    if (socket >= 0 && !is_reserved)
        ckpt_sys_close(socket);
}
