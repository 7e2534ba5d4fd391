/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See child_fds.h.  The child is made by clone() with CLONE_VM, a stack in scratch space, and no
 * exit signal: the application gets no SIGCHLD, and only the coordinator can wait for it (__WALL).
 * The coordinator does nothing until the child has ended, so the two never use memory at once.
 */
#include "engine/builtin/parked/child_fds.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "arch/arch.h"
#include "base/syscall.h"

#define STACK ((size_t)256 << 10)

struct call {
    int (*function)(void *argument);
    void *argument;
    int result;
};

static void run(void *argument)
{
    struct call *call = argument;

    ckpt_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    call->result = call->function(call->argument);
    for (;;)
        ckpt_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

int ckpt_child_fds_call(struct ckpt_scratch *scratch, int (*function)(void *argument),
                        void *argument, struct ckpt_error *error)
{
    struct call call = {.function = function, .argument = argument, .result = -1};
    char *stack = ckpt_scratch_take(scratch, STACK, error);
    int status = 0;
    long pid;

    if (!stack)
        return -1;
    pid = ckpt_arch_spawn(CLONE_VM, stack + STACK, run, &call, NULL, NULL);
    if (pid < 0)
        return ckpt_error_set(
            error, (int)-pid,
            "cannot start checkpointer's helper process for files that the JVM has locked; "
            "raise the limit on processes (ulimit -u, pids.max), or give up the "
            "locks in a beforeCheckpoint hook");
    while (ckpt_syscall(SYS_wait4, pid, &status, __WALL, NULL, 0, 0) == -EINTR)
        ;
    if (!WIFEXITED(status))
        return ckpt_error_set(error, 0,
                              "checkpointer's helper process, which reads files that the JVM has "
                              "locked, was killed by signal %d; try again",
                              WTERMSIG(status));
    return call.result;
}
