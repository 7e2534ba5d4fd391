/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See exec_command.h.  The process still shares the JVM's memory.
 */
#include "engine/parked/exec_command.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>

#include "arch/arch.h"
#include "base/raw.h"
#include "base/syscall.h"

void ckpt_exec_end_with_parent(long parent)
{
    ckpt_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (ckpt_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) != parent)
        ckpt_syscall(SYS_exit_group, 127, 0, 0, 0, 0, 0);
}

static void reset_signals(void)
{
    static const uint64_t none;
    const struct ckpt_arch_sigaction action = {.handler = (uint64_t)SIG_DFL};

    for (int i = 1; i <= 64; i++)
        ckpt_sys_sigaction(i, &action, NULL);
    ckpt_sys_sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(int first)
{
    if (ckpt_syscall(SYS_close_range, first, ~0u, 0, 0, 0, 0) == 0)
        return;
    for (int fd = first; fd < 65536; fd++) /* Linux before 5.9 has no close_range() */
        ckpt_sys_close(fd);
}

void ckpt_exec_command(const int *fds, int count, char *const *arguments, char *const *environment,
                       struct ckpt_exec_failure *ret)
{
    char path[32];
    long failed;

    for (int fd = 0; fd < count; fd++) {
        failed = ckpt_syscall(SYS_dup3, fds[fd], fd, fd == count - 1 ? O_CLOEXEC : 0, 0, 0, 0);
        if (failed < 0) {
            *ret = (struct ckpt_exec_failure){failed, "dup3"};
            return;
        }
    }
    close_from(count);
    reset_signals();
    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", count - 1);
    /* execve() first: before Linux 5.16, a seccomp filter that kills for execveat() would end the
     * JVM too, since this process still shares its memory.  execveat() works without /proc. */
    failed = ckpt_syscall(SYS_execve, path, arguments, environment, 0, 0, 0);
    if (ckpt_syscall(SYS_execveat, count - 1, "", arguments, environment, AT_EMPTY_PATH, 0) < 0)
        *ret = (struct ckpt_exec_failure){failed, "execve"};
}
