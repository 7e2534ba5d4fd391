/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See held_numbers.h.  Runs while all threads are parked: raw system calls only.
 */
#include "agent/parked/held_numbers.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/syscall.h"

void ckpt_numbers_hold(const int *fds, size_t count)
{
    bool is_one = false;
    int held;

    if (!count)
        return;
    held = (int)ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    for (size_t i = 0; held >= 0 && i < count; i++) {
        is_one |= fds[i] == held;
        if (fds[i] != held)
            ckpt_syscall(SYS_dup3, held, fds[i], O_CLOEXEC, 0, 0, 0);
    }
    if (held >= 0 && !is_one)
        ckpt_sys_close(held);
}
