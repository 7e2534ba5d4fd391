/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See pending_signals.h.  All threads have all signals blocked while they are parked, so what is
 * sent meanwhile waits, too, and so does what the application has blocked.  The JDK, for one,
 * interrupts a thread in a system call by a signal, which must not be lost.
 *
 * The kernel shows which signals wait, but not their data, unless to a tracer.  So they are taken
 * from the queue, by sigtimedwait, and queued again in the same order.  Signals for a thread can be
 * taken only by this thread: the coordinator wakes it for a moment.  Those for the process are
 * taken first: a thread whose set has the number of both would take those of the process after its
 * own.
 */
#include "engine/parked/pending_signals.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <time.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "base/tasks.h"
#include "engine/parked/park.h"

#define BIT(signal) (1ull << ((signal)-1))

/* Take signals of the set @mask from the queues of the calling thread and of the process. */
static void take(struct ckpt_park *park, uint32_t slot, uint64_t mask)
{
    static const struct timespec now = {0};

    while (park->pending_count < CKPT_PENDING_MAX) {
        struct ckpt_pending_signal *to = &park->pending[park->pending_count];

        if (ckpt_syscall(SYS_rt_sigtimedwait, &mask, &to->info, &now, sizeof mask, 0, 0) <= 0)
            return;
        to->slot = slot;
        park->pending_count++;
    }
}

void ckpt_pending_signals_take_own(struct ckpt_park *park, uint32_t slot, uint64_t mask)
{
    take(park, slot, mask);
}

/* Let a parked thread take its signals. */
static void ask(struct ckpt_park *park, uint32_t index, uint64_t mask)
{
    struct ckpt_slot *slot = &park->slots[index];

    slot->take = mask;
    __atomic_store_n(&slot->gate, CKPT_GATE_TAKE, __ATOMIC_RELEASE);
    ckpt_sys_futex(&slot->gate, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
    while (__atomic_load_n(&slot->gate, __ATOMIC_ACQUIRE) == CKPT_GATE_TAKE)
        ckpt_sys_futex(&slot->gate, FUTEX_WAIT_PRIVATE, CKPT_GATE_TAKE, NULL);
}

/* ---- the coordinator ---- */

/* The signals that wait for the calling thread only; without those for the process. */
static uint64_t own_pending(void)
{
    struct ckpt_task task;
    char link[64];
    long length = ckpt_sys_readlinkat(AT_FDCWD, "/proc/thread-self", link, sizeof link - 1);
    const char *name = link;

    if (length <= 0)
        return 0;
    link[length] = '\0';
    for (const char *at = link; *at; at++)
        if (*at == '/')
            name = at + 1;
    return ckpt_tasks_read_signals(name, &task) ? task.pending : 0;
}

static bool ask_thread(int tid, const char *name, void *context)
{
    struct ckpt_park *park = context;
    struct ckpt_task task;

    if (!ckpt_tasks_read_signals(name, &task))
        return true;
    task.pending &= ~BIT(park->options.signal);
    for (uint32_t i = 0; i < park->taken && task.pending; i++)
        if (park->slots[i].tid == (uint32_t)tid) {
            ask(park, i, task.pending);
            break;
        }
    return true;
}

/* Whether a thread would take the signal at once, if it were not parked. */
static bool is_unblocked(const struct ckpt_park *park, int signal)
{
    for (uint32_t i = 0; i < park->taken; i++) {
        uint64_t mask;

        __builtin_memcpy(&mask, &park->slots[i].frame->uc_sigmask, sizeof mask);
        if (!(mask & BIT(signal)))
            return true;
    }
    return false;
}

static bool is_ignored(int signal)
{
    struct ckpt_arch_sigaction action = {.handler = 0};

    ckpt_sys_sigaction(signal, NULL, &action);
    return action.handler == (uint64_t)SIG_IGN;
}

/* An image of a JVM that is being ended would end at each restore. */
static int check_end(const struct ckpt_park *park, struct ckpt_error *error)
{
    for (uint32_t i = 0; i < park->pending_count; i++) {
        int signal = park->pending[i].info.si_signo;

        if ((signal == SIGHUP || signal == SIGINT || signal == SIGTERM) && !is_ignored(signal) &&
            is_unblocked(park, signal))
            return ckpt_error_set(error, 0,
                                  "signal %d, which ends the JVM, has arrived; try again if the "
                                  "JVM continues",
                                  signal);
    }
    return 0;
}

int ckpt_pending_signals_take(struct ckpt_park *park, struct ckpt_error *error)
{
    uint64_t all = 0, own = own_pending(), parking = BIT(park->options.signal);
    long failed;

    park->pending_count = 0;
    park->pending_pid = (int32_t)ckpt_sys_getpid();
    ckpt_syscall(SYS_rt_sigpending, &all, sizeof all, 0, 0, 0, 0);
    if (all & ~parking)
        take(park, CKPT_PARK_COORDINATOR, own & ~parking);
    if (all & ~parking & ~own)
        take(park, CKPT_PARK_PROCESS, all & ~parking & ~own);
    failed = ckpt_tasks_each(ask_thread, park);
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot list /proc/self/task");
    if (park->pending_count == CKPT_PENDING_MAX)
        return ckpt_error_set(error, 0,
                              "%u and more signals wait to be delivered; let the application take "
                              "them before a checkpoint",
                              CKPT_PENDING_MAX);
    return check_end(park, error);
}

/* ---- sending ---- */

/* In a restored process, what the process has sent to itself comes from its new PID. */
static void correct_sender(const struct ckpt_park *park, siginfo_t *info)
{
    bool has_sender = info->si_code == SI_USER || info->si_code == SI_TKILL ||
                      info->si_code == SI_QUEUE || info->si_code == SI_MESGQ;

    if (has_sender && info->si_pid == park->pending_pid)
        info->si_pid = (pid_t)ckpt_sys_getpid();
}

static void send(struct ckpt_park *park, uint32_t slot)
{
    long pid = ckpt_sys_getpid(), tid = ckpt_sys_gettid();

    for (uint32_t i = 0; i < park->pending_count; i++) {
        struct ckpt_pending_signal *signal = &park->pending[i];

        if (signal->slot != slot)
            continue;
        correct_sender(park, &signal->info);
        if (slot == CKPT_PARK_PROCESS)
            ckpt_syscall(SYS_rt_sigqueueinfo, pid, signal->info.si_signo, &signal->info, 0, 0, 0);
        else
            ckpt_syscall(SYS_rt_tgsigqueueinfo, pid, tid, signal->info.si_signo, &signal->info, 0,
                         0);
    }
}

/* Those that have arrived since then come after the others. */
static void take_later_ones(struct ckpt_park *park, uint32_t slot)
{
    uint64_t mask = 0;

    for (uint32_t i = 0; i < park->pending_count; i++)
        if (park->pending[i].slot == slot)
            mask |= BIT(park->pending[i].info.si_signo);
    if (mask)
        take(park, slot, mask);
}

void ckpt_pending_signals_send(struct ckpt_park *park, uint32_t slot)
{
    if (!park->pending_count)
        return;
    take_later_ones(park, slot);
    send(park, slot);
    if (slot == CKPT_PARK_COORDINATOR)
        ckpt_pending_signals_send(park, CKPT_PARK_PROCESS);
}
