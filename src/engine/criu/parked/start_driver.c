/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See start_driver.h.  A process between the JVM and the driver ends at once, so that the driver
 * gets another parent.  Both share the JVM's memory until the exec, and the application notices
 * neither: the one has no exit signal, so that only this code can wait for it (__WALL).
 */
#include "engine/criu/parked/start_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "arch/arch.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/parked/exec_command.h"

#define STACK ((size_t)32 << 10)
#define FIRST_FD 16 /* above the numbers that the driver gets */

struct shared {
    const struct ckpt_driver_start *start;
    int fds[5]; /* null, null, null, connection, command */
    char *driver_stack_end;
    struct ckpt_exec_failure failure;
};

__attribute__((noreturn)) static void end(void)
{
    for (;;)
        ckpt_syscall(SYS_exit_group, 127, 0, 0, 0, 0, 0);
}

static void become_driver(void *argument)
{
    struct shared *shared = argument;

    ckpt_syscall(SYS_setsid, 0, 0, 0, 0, 0, 0);
    ckpt_exec_command(shared->fds, sizeof shared->fds / sizeof shared->fds[0],
                      shared->start->arguments, shared->start->environment, &shared->failure);
    end();
}

static void run_between(void *argument)
{
    struct shared *shared = argument;
    /* CLONE_VFORK: this process, whose memory it uses, stays until the exec. */
    long pid = ckpt_arch_spawn(CLONE_VM | CLONE_VFORK | SIGCHLD, shared->driver_stack_end,
                               become_driver, shared, NULL, NULL);

    if (pid < 0)
        shared->failure = (struct ckpt_exec_failure){pid, "clone"};
    end();
}

static int check_orphans(struct ckpt_error *error)
{
    int subreaper = 0;

    ckpt_sys_prctl(PR_GET_CHILD_SUBREAPER, (unsigned long)&subreaper, 0, 0, 0);
    if (ckpt_sys_getpid() != 1 && !subreaper)
        return 0;
    if (subreaper)
        return ckpt_error_set(error, 0,
                              "the JVM adopts orphaned processes (PR_SET_CHILD_SUBREAPER), so a "
                              "process that drives criu would become its child and be dumped too; "
                              "use 'checkpointer checkpoint --engine=criu'");
    return ckpt_error_set(error, 0,
                          "the JVM is the first process of its PID namespace, and criu could not "
                          "restore it; start it below an init (docker run --init), or use the "
                          "built-in engine");
}

static int raise_fd(long fd)
{
    return fd < 0 ? (int)fd : (int)ckpt_sys_fcntl((int)fd, F_DUPFD_CLOEXEC, FIRST_FD);
}

static int open_fds(struct shared *shared)
{
    long null = ckpt_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    int raised = raise_fd(null);

    if (null >= 0)
        ckpt_sys_close((int)null);
    shared->fds[0] = shared->fds[1] = shared->fds[2] = raised;
    shared->fds[3] = raise_fd(shared->start->connection);
    shared->fds[4] = raise_fd(shared->start->command_fd);
    for (size_t i = 2; i < sizeof shared->fds / sizeof shared->fds[0]; i++)
        if (shared->fds[i] < 0)
            return shared->fds[i];
    return 0;
}

static void close_fds(const struct shared *shared)
{
    for (size_t i = 2; i < sizeof shared->fds / sizeof shared->fds[0]; i++)
        if (shared->fds[i] >= 0)
            ckpt_sys_close(shared->fds[i]);
}

int ckpt_driver_start(const struct ckpt_driver_start *start, struct ckpt_error *error)
{
    struct shared shared = {.start = start, .fds = {-1, -1, -1, -1, -1}};
    long failed, stacks;

    if (check_orphans(error) < 0)
        return -1;
    stacks =
        ckpt_sys_mmap(0, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    failed = stacks < 0 ? stacks : open_fds(&shared);
    if (failed >= 0) {
        shared.driver_stack_end = (char *)stacks + STACK;
        failed =
            ckpt_arch_spawn(CLONE_VM, (char *)stacks + 2 * STACK, run_between, &shared, NULL, NULL);
    }
    if (failed > 0) {
        while (ckpt_syscall(SYS_wait4, failed, NULL, __WALL, NULL, 0, 0) == -EINTR)
            ;
        failed = shared.failure.failed;
    }
    close_fds(&shared);
    if (stacks >= 0)
        ckpt_sys_munmap((uint64_t)stacks, 2 * STACK);
    return failed < 0 ? ckpt_error_set(error, (int)-failed,
                                       "cannot start the command that drives criu (%s)",
                                       shared.failure.at ? shared.failure.at : "clone")
                      : 0;
}
