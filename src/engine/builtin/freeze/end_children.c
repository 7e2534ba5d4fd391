/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See end_children.h.  Called when the image is complete, just before the JVM itself ends.
 *
 * A PID could be another process's by the time of the second signal, so each process is held by a
 * pidfd. Where there is none (Linux before 5.3, too many descriptors), the process gets the first
 * signal only.
 */
#include "engine/builtin/freeze/end_children.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/processes.h"
#include "base/syscall.h"

#define TERM_MS 10000 /* until SIGKILL */
#define KILL_MS 2000

struct held {
    int fds[CKPT_DESCENDANTS_MAX];
    size_t count;
};

/* Static, because it is large. */
static struct held held;

static void signal_and_hold(pid_t pid)
{
    long fd = ckpt_syscall(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);

    if (fd < 0) {
        ckpt_syscall(SYS_kill, pid, SIGTERM, 0, 0, 0, 0);
        ckpt_syscall(SYS_kill, pid, SIGCONT, 0, 0, 0, 0);
        return;
    }
    ckpt_syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0, 0, 0);
    ckpt_syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0, 0, 0); /* it may be stopped */
    held.fds[held.count++] = (int)fd;
}

/* Wait until the held processes have ended, and keep those that have not at @deadline. */
static void wait_for_end(int64_t deadline)
{
    size_t kept = 0;

    for (size_t i = 0; i < held.count; i++) {
        struct pollfd poll = {.fd = held.fds[i], .events = POLLIN};
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct timespec timeout = ckpt_clock_from_ms(left > 0 ? left : 0);

        if (ckpt_syscall(SYS_ppoll, &poll, 1, &timeout, NULL, 0, 0) > 0)
            ckpt_sys_close(held.fds[i]);
        else
            held.fds[kept++] = held.fds[i];
    }
    held.count = kept;
}

/* Leave out of the list the requester and the processes between this one and it. */
static void spare(struct ckpt_child_tree *tree, pid_t requester)
{
    pid_t self = (pid_t)ckpt_sys_getpid();

    for (pid_t pid = requester; pid > 1 && pid != self; pid = ckpt_process_parent(pid))
        for (size_t i = 0; i < tree->count; i++)
            if (tree->pids[i] == pid)
                tree->pids[i] = tree->pids[--tree->count];
}

void ckpt_end_children(struct ckpt_child_tree *tree, pid_t requester)
{
    held.count = 0;
    ckpt_child_tree_list(tree);
    spare(tree, requester);
    for (size_t i = 0; i < tree->count; i++)
        signal_and_hold(tree->pids[i]);
    wait_for_end(ckpt_clock_ms(CLOCK_MONOTONIC) + TERM_MS);
    for (size_t i = 0; i < held.count; i++)
        ckpt_syscall(SYS_pidfd_send_signal, held.fds[i], SIGKILL, NULL, 0, 0, 0);
    wait_for_end(ckpt_clock_ms(CLOCK_MONOTONIC) + KILL_MS);
}
