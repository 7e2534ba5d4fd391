/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See blocked_threads.h.  No thread can be traced by another one of its process, so a helper does
 * it: a process that shares the memory, without an exit signal, so that only this code can wait for
 * it.  It stops the thread, takes the signal out of its mask, and lets it continue: the thread runs
 * the handler as all others do.  The handler puts the signal back into the mask in its frame, and
 * the thread never sees a difference.
 *
 * A thread in sigwait() for all signals takes the signal from the queue, and never runs a handler.
 * Where that has happened the signal is sent again while the thread is stopped, outside of
 * sigwait(); from then on the thread is known, and gets the signal in this way only.
 */
#include "engine/parked/blocked_threads.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/parked/exec_command.h"
#include "engine/parked/park.h"

#define STACK ((size_t)16 << 10)
#define STOP_MS 2000 /* how long a thread may take to stop */
#define HELPER_MS 5000
#define BIT(signal) (1ull << ((signal)-1))

/* The threads that were interrupted, and those whose mask the handler has to correct. */
static uint32_t known[CKPT_BLOCKED_MAX], to_correct[CKPT_BLOCKED_MAX];
static uint32_t known_count;

struct shared {
    struct ckpt_blocked_thread *threads;
    uint32_t count;
    int signal;
    long process;         /* the JVM */
    uint32_t may_start;   /* a futex: nonzero when the helper may trace */
    uint32_t helper_runs; /* a futex that the kernel clears and wakes at the helper's end */
};

#define BLOCK (STACK + ckpt_page_ceil(sizeof(struct shared)))

bool ckpt_blocked_threads_is_known(uint32_t tid)
{
    for (uint32_t i = 0; i < known_count; i++)
        if (known[i] == tid)
            return true;
    return false;
}

static void remember(uint32_t tid)
{
    if (!ckpt_blocked_threads_is_known(tid) && known_count < CKPT_BLOCKED_MAX)
        known[known_count++] = tid;
}

/* Let the handler correct the mask of this thread; false: too many wait for that. */
static bool correct_later(uint32_t tid)
{
    for (uint32_t i = 0; i < CKPT_BLOCKED_MAX; i++)
        if (!__atomic_load_n(&to_correct[i], __ATOMIC_ACQUIRE)) {
            __atomic_store_n(&to_correct[i], tid, __ATOMIC_RELEASE);
            return true;
        }
    return false;
}

/* ---- in the helper ---- */

static long trace(int request, uint32_t tid, uint64_t address, uint64_t data)
{
    return ckpt_syscall(SYS_ptrace, request, tid, address, data, 0, 0);
}

/* Wait until the thread has stopped. 0, or a negative errno value. */
static long wait_for_stop(uint32_t tid, int *ret_status)
{
    const uint64_t child = BIT(SIGCHLD); /* blocked like all signals, so it stays pending */
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + STOP_MS;

    for (;;) {
        long found = ckpt_syscall(SYS_wait4, tid, ret_status, WNOHANG | __WALL, NULL, 0, 0);
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct timespec wait = ckpt_clock_from_ms(left);

        if (found > 0)
            return WIFSTOPPED(*ret_status) ? 0 : -ESRCH;
        if (found < 0)
            return found;
        if (left <= 0)
            return -ETIMEDOUT;
        ckpt_syscall(SYS_rt_sigtimedwait, &child, NULL, &wait, sizeof child, 0, 0);
    }
}

static long unblock(const struct shared *shared, const struct ckpt_blocked_thread *thread)
{
    uint64_t mask;
    long failed = trace(PTRACE_GETSIGMASK, thread->tid, sizeof mask, (uint64_t)&mask);

    if (failed < 0)
        return failed;
    if ((mask & BIT(shared->signal)) && !correct_later(thread->tid))
        return -EAGAIN;
    mask &= ~BIT(shared->signal);
    return trace(PTRACE_SETSIGMASK, thread->tid, sizeof mask, (uint64_t)&mask);
}

static long interrupt(const struct shared *shared, const struct ckpt_blocked_thread *thread)
{
    long failed = trace(PTRACE_SEIZE, thread->tid, 0, 0);
    int status = 0, signal;

    if (failed == 0)
        failed = trace(PTRACE_INTERRUPT, thread->tid, 0, 0);
    if (failed == 0)
        failed = wait_for_stop(thread->tid, &status);
    if (failed < 0)
        return failed;
    /* If the thread has stopped for a signal and not for us, it gets that signal. */
    signal = status >> 16 ? 0 : WSTOPSIG(status);
    failed = unblock(shared, thread);
    if (failed == 0 && !thread->has_signal)
        failed = ckpt_sys_tgkill((int)shared->process, (int)thread->tid, shared->signal);
    trace(PTRACE_DETACH, thread->tid, 0, (uint64_t)signal);
    return failed;
}

static void run_helper(void *argument)
{
    /* If SIGCHLD were ignored, no stop would be reported. */
    const struct ckpt_arch_sigaction action = {.handler = (uint64_t)SIG_DFL};
    struct shared *shared = argument;

    ckpt_exec_end_with_parent(shared->process);
    ckpt_sys_sigaction(SIGCHLD, &action, NULL);
    while (!__atomic_load_n(&shared->may_start, __ATOMIC_ACQUIRE))
        ckpt_sys_futex(&shared->may_start, FUTEX_WAIT_PRIVATE, 0, NULL);
    for (uint32_t i = 0; i < shared->count; i++)
        shared->threads[i].failed = interrupt(shared, &shared->threads[i]);
    for (;;)
        ckpt_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/* ---- in the coordinator ---- */

/* What the helper asks of ptrace(2), for no thread. */
__attribute__((noreturn)) static void try_calls(long parent)
{
    static const int requests[] = {PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_GETSIGMASK,
                                   PTRACE_SETSIGMASK, PTRACE_DETACH};

    ckpt_exec_end_with_parent(parent);
    ckpt_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file */
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        trace(requests[i], 0, 0, 0);
    for (;;)
        ckpt_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/* Before Linux 5.16 a core dump ends all processes that share the memory of the one that dumps. */
static bool ends_sharers(void)
{
    struct utsname name = {.release = ""};
    const char *at = name.release;
    uint64_t major, minor = 0;

    ckpt_syscall(SYS_uname, (long)&name, 0, 0, 0, 0, 0);
    major = ckpt_raw_number(&at, 10);
    if (*at == '.') {
        at++;
        minor = ckpt_raw_number(&at, 10);
    }
    return major < 5 || (major == 5 && minor < 16);
}

/*
 * Whether a system call filter lets a process trace: 0, or a negative errno value.  Filters of
 * systemd units kill with a core dump, which before Linux 5.16 ends all processes that share the
 * memory: the JVM, if the helper were killed.  So a copy of this process tries the calls first.
 */
static long find_allowed(void)
{
    long parent = ckpt_sys_getpid(), child;
    char text[4096] = "";
    uint64_t mode;
    int status = 0;

    ckpt_raw_read_file("/proc/thread-self/status", text, sizeof text);
    if (!ends_sharers() ||
        (ckpt_raw_field(text, "Seccomp:", 10, &mode) && mode == SECCOMP_MODE_DISABLED))
        return 0;
    child = ckpt_syscall(SYS_clone, 0, 0, 0, 0, 0, 0);
    if (child == 0)
        try_calls(parent);
    if (child < 0)
        return child;
    while (ckpt_syscall(SYS_wait4, child, &status, __WALL, NULL, 0, 0) == -EINTR)
        ;
    return WIFEXITED(status) ? 0 : -EPERM;
}

static long is_allowed(struct ckpt_park *park)
{
    if (!park->is_trace_tried)
        park->trace_failed = (int32_t)find_allowed();
    park->is_trace_tried = 1;
    return park->trace_failed;
}

/*
 * With Yama's ptrace_scope 1, only a parent may trace; another process needs permission. There is
 * one such permission in a process, and it cannot be read.
 */
static void permit(long helper)
{
    char text[16] = "";

    ckpt_raw_read_file("/proc/sys/kernel/yama/ptrace_scope", text, sizeof text);
    if (text[0] == '1')
        ckpt_sys_prctl(PR_SET_PTRACER, (unsigned long)helper, 0, 0, 0);
}

/*
 * Wait for the end of the helper, which is killed when its time is over. -EPERM: it may not trace.
 */
static long wait_for_helper(struct shared *shared, long helper)
{
    int status = 0;
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + HELPER_MS, left;
    bool is_killed = false;

    while (__atomic_load_n(&shared->helper_runs, __ATOMIC_ACQUIRE)) {
        struct timespec wait;

        left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        if (left <= 0 && !is_killed) {
            ckpt_syscall(SYS_kill, helper, SIGKILL, 0, 0, 0, 0);
            is_killed = true;
        }
        wait = ckpt_clock_from_ms(left > 0 ? left : 100);
        ckpt_sys_futex(&shared->helper_runs, FUTEX_WAIT, 1, &wait);
    }
    while (ckpt_syscall(SYS_wait4, helper, &status, __WALL, NULL, 0, 0) == -EINTR)
        ;
    /* Otherwise a system call filter has killed it. */
    return WIFSIGNALED(status) && !is_killed ? -EPERM : 0;
}

static long run(struct shared *shared, void *stack_end)
{
    long helper = ckpt_arch_spawn(CLONE_VM | CLONE_CHILD_CLEARTID, stack_end, run_helper, shared,
                                  NULL, &shared->helper_runs);

    if (helper < 0)
        return helper;
    permit(helper);
    __atomic_store_n(&shared->may_start, 1, __ATOMIC_RELEASE);
    ckpt_sys_futex(&shared->may_start, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
    helper = wait_for_helper(shared, helper);
    permit(0);
    return helper;
}

long ckpt_blocked_threads_interrupt(struct ckpt_park *park, struct ckpt_blocked_thread *threads,
                                    uint32_t count)
{
    long failed = is_allowed(park), block;
    struct shared *shared;

    if (failed < 0)
        return failed;
    block = ckpt_sys_mmap(0, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = (struct shared *)(block + (long)STACK);
    if (block < 0)
        return block;
    *shared = (struct shared){.threads = threads,
                              .count = count,
                              .signal = park->options.signal,
                              .process = ckpt_sys_getpid(),
                              .helper_runs = 1};
    for (uint32_t i = 0; i < count; i++)
        threads[i].failed = -ETIMEDOUT;
    failed = run(shared, (char *)shared);
    if (failed == -EPERM)
        park->trace_failed = -EPERM;
    ckpt_sys_munmap((uint64_t)block, BLOCK);
    for (uint32_t i = 0; i < count; i++) {
        if (threads[i].failed == 0)
            remember(threads[i].tid);
        else if (failed == 0)
            failed = threads[i].failed;
    }
    return failed;
}

void ckpt_blocked_threads_renumber(const struct ckpt_park *park)
{
    uint32_t before[CKPT_BLOCKED_MAX], count = known_count;

    __builtin_memcpy(before, known, sizeof before);
    known_count = 0;
    for (uint32_t i = 0; i < park->taken; i++)
        for (uint32_t k = 0; k < count; k++)
            if (park->slots[i].last_tid == before[k])
                remember(park->slots[i].tid);
}

void ckpt_blocked_threads_block_again(ucontext_t *frame, int signal)
{
    uint32_t self = 0;

    for (uint32_t i = 0; i < CKPT_BLOCKED_MAX; i++) {
        uint32_t tid = __atomic_load_n(&to_correct[i], __ATOMIC_ACQUIRE);
        uint64_t mask;

        if (!tid)
            continue;
        self = self ? self : (uint32_t)ckpt_sys_gettid();
        if (tid != self)
            continue;
        __atomic_store_n(&to_correct[i], 0, __ATOMIC_RELEASE);
        __builtin_memcpy(&mask, &frame->uc_sigmask, sizeof mask);
        mask |= BIT(signal);
        __builtin_memcpy(&frame->uc_sigmask, &mask, sizeof mask);
    }
}
