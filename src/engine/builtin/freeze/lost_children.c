/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See lost_children.h.  The JDK has a thread for each child, which waits for it by its PID.  In the
 * restored process that call would fail, and the JDK would then take any process that has the PID
 * by then for the child, wait until it ends, and report the exit value 0.  So the call in the
 * thread's frame is completed: it returns the status that was noted, before any code of the
 * application runs.
 *
 * A child that had ended and was not waited for is made again, as a process that ends with the same
 * status: with its PID if that is free and this process may choose it, else with another.  The
 * process is a copy of this one and not made with CLONE_VM: a signal that writes a core file ends
 * all processes that share the memory.
 */
#include "engine/builtin/freeze/lost_children.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "arch/arch.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/parked/park.h"

#define EXIT_SIGNAL_FIELD 38 /* of /proc/PID/stat: the signal that the parent gets */

struct lost {
    pid_t pid;
    int status;
    uint32_t exit_signal;
    bool has_ended;
    bool is_reported; /* in the restored process: a thread has got its status */
};

/* Static, so that it is in the image. */
static struct lost children[CKPT_LOST_CHILDREN_MAX];
static size_t child_count;

void ckpt_lost_children_clear(void)
{
    child_count = 0;
}

bool ckpt_lost_children_add(pid_t pid, int status, bool has_ended)
{
    char path[32], text[1024];

    if (child_count == CKPT_LOST_CHILDREN_MAX)
        return false;
    children[child_count] =
        (struct lost){.pid = pid, .status = status, .exit_signal = SIGCHLD, .has_ended = has_ended};
    ckpt_raw_format(path, sizeof path, "/proc/%d/stat", pid);
    if (ckpt_raw_read_file(path, text, sizeof text) > 0)
        children[child_count].exit_signal = (uint32_t)ckpt_raw_stat_field(text, EXIT_SIGNAL_FIELD);
    child_count++;
    return true;
}

/* ---- threads that wait ---- */

/* Write to memory of the application, at an address that it has given. */
static void give(uint64_t address, const void *data, size_t size)
{
    siginfo_t before; /* the largest that is written */

    if (size <= sizeof before && ckpt_raw_peek(&before, address, size) == 0)
        __builtin_memcpy((void *)address, data, size);
}

static siginfo_t info_of(const struct lost *child)
{
    siginfo_t info;

    __builtin_memset(&info, 0, sizeof info);
    info.si_signo = SIGCHLD;
    info.si_pid = child->pid;
    info.si_uid = (uid_t)ckpt_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
    info.si_code = WIFEXITED(child->status)   ? CLD_EXITED
                   : WCOREDUMP(child->status) ? CLD_DUMPED
                                              : CLD_KILLED;
    info.si_status =
        WIFEXITED(child->status) ? WEXITSTATUS(child->status) : WTERMSIG(child->status);
    return info;
}

/* If the thread with this frame waits for exactly this child, let its call return. */
static bool complete(ucontext_t *frame, const struct lost *child)
{
    enum ckpt_arch_call call = ckpt_arch_frame_call(frame);
    uint64_t first = ckpt_arch_frame_argument(frame, 0);
    uint64_t second = ckpt_arch_frame_argument(frame, 1);
    struct ckpt_arch_number number;

    if (call != CKPT_ARCH_CALL_BEFORE)
        return false;
    ckpt_arch_frame_number(frame, call, &number);
    if (number.value == SYS_wait4 && (pid_t)first == child->pid) {
        give(second, &child->status, sizeof child->status);
        ckpt_arch_frame_call_ended(frame, call, child->pid);
        return true;
    }
    if (number.value == SYS_waitid && (int)first == P_PID && (pid_t)second == child->pid &&
        (ckpt_arch_frame_argument(frame, 3) & WEXITED)) {
        siginfo_t info = info_of(child);

        give(ckpt_arch_frame_argument(frame, 2), &info, sizeof info);
        ckpt_arch_frame_call_ended(frame, call, 0);
        return true;
    }
    return false;
}

static void complete_waits(const struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->taken; i++)
        for (size_t k = 0; k < child_count; k++)
            if (complete(park->slots[i].frame, &children[k])) {
                children[k].is_reported = true;
                break;
            }
}

/* ---- children that had ended ---- */

__attribute__((noreturn)) static void end_as(int status)
{
    const struct ckpt_arch_sigaction action = {.handler = (uint64_t)SIG_DFL};
    uint64_t none = 0;

    if (WIFSIGNALED(status)) {
        ckpt_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file */
        ckpt_sys_sigaction(WTERMSIG(status), &action, NULL);
        ckpt_syscall(SYS_kill, ckpt_sys_getpid(), WTERMSIG(status), 0, 0, 0, 0);
        ckpt_sys_sigprocmask(SIG_SETMASK, &none, NULL);
    }
    for (;;)
        ckpt_syscall(SYS_exit_group, WEXITSTATUS(status), 0, 0, 0, 0, 0);
}

/* A copy of this process: with the PID of the child if that is possible. */
static long copy_process(const struct lost *child)
{
    uint64_t tid = (uint64_t)child->pid;
    struct clone_args arguments = {
        .exit_signal = child->exit_signal, .set_tid = (uint64_t)&tid, .set_tid_size = 1};
    long made = ckpt_syscall(SYS_clone3, &arguments, CLONE_ARGS_SIZE_VER1, 0, 0, 0, 0);

    return made >= 0 ? made : ckpt_syscall(SYS_clone, child->exit_signal, 0, 0, 0, 0, 0);
}

/* Its end is no news for the application, which has had the signal before. */
static void take_signal(uint32_t signal)
{
    const struct timespec now = {0};
    uint64_t set;

    if (!signal)
        return;
    set = 1ull << (signal - 1);
    ckpt_syscall(SYS_rt_sigtimedwait, &set, NULL, &now, sizeof set, 0, 0);
}

static void make_again(const struct lost *child)
{
    siginfo_t info;
    long made = copy_process(child);

    if (made == 0)
        end_as(child->status);
    if (made < 0)
        return;
    while (ckpt_syscall(SYS_waitid, P_PID, made, &info, WEXITED | WNOWAIT | __WALL, NULL, 0) ==
           -EINTR)
        ;
    take_signal(child->exit_signal);
}

void ckpt_lost_children_restore(const struct ckpt_park *park)
{
    complete_waits(park);
    for (size_t i = 0; i < child_count; i++)
        if (children[i].has_ended && !children[i].is_reported)
            make_again(&children[i]);
}
