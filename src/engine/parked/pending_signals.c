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
 * taken only by this thread: the coordinator wakes it for each.  sigtimedwait() takes a signal for
 * the thread before one for the process with the same number, so what is taken while /proc shows
 * one for the thread is that.
 *
 * A signal as kill() or the kernel has sent it (si_code of 0 and more) can be queued for the
 * process by its first thread only; from all others the kernel accepts only what sigqueue() sends.
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

#define STOPS_OR_NOTHING                                                                           \
    (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT) | BIT(SIGTSTP) | BIT(SIGTTIN) |     \
     BIT(SIGTTOU)) /* by default */

/* Whether it requests a checkpoint (agent option signal=). Several of those are one request. */
static bool is_request(const struct ckpt_park *park, const siginfo_t *info)
{
    return info->si_signo == park->options.request_signal && info->si_code <= 0;
}

static bool has_request(const struct ckpt_park *park)
{
    for (uint32_t i = 0; i < park->pending_count; i++)
        if (is_request(park, &park->pending[i].info))
            return true;
    return false;
}

/* Take one signal of the set @mask, for the calling thread or, if none waits, for the process. */
static bool take_one(struct ckpt_park *park, uint32_t slot, uint64_t mask)
{
    static const struct timespec now = {0};
    struct ckpt_pending_signal *to = &park->pending[park->pending_count];

    if (park->pending_count == CKPT_PENDING_MAX ||
        ckpt_syscall(SYS_rt_sigtimedwait, &mask, &to->info, &now, sizeof mask, 0, 0) <= 0)
        return false;
    to->slot = slot;
    if (!is_request(park, &to->info) || !has_request(park))
        park->pending_count++;
    return true;
}

/* In a restored process, what the process has sent to itself comes from its new PID. */
static void correct_sender(const struct ckpt_park *park, siginfo_t *info)
{
    bool has_sender = info->si_code == SI_USER || info->si_code == SI_TKILL ||
                      info->si_code == SI_QUEUE || info->si_code == SI_MESGQ;

    if (has_sender && info->si_pid == park->pending_pid)
        info->si_pid = (pid_t)ckpt_sys_getpid();
}

/*
 * Send those of the calling thread, or of the process.  Where the kernel refuses their data,
 * because the queue is full or the first thread has ended, they are sent without it.
 */
static void send(struct ckpt_park *park, uint32_t slot)
{
    long pid = ckpt_sys_getpid(), tid = ckpt_sys_gettid();

    for (uint32_t i = 0; i < park->pending_count; i++) {
        siginfo_t *info = &park->pending[i].info;

        if (park->pending[i].slot != slot)
            continue;
        correct_sender(park, info);
        if (slot != CKPT_PARK_PROCESS &&
            ckpt_syscall(SYS_rt_tgsigqueueinfo, pid, tid, info->si_signo, info, 0, 0) < 0)
            ckpt_sys_tgkill((int)pid, (int)tid, info->si_signo);
        if (slot == CKPT_PARK_PROCESS &&
            ckpt_syscall(SYS_rt_sigqueueinfo, pid, info->si_signo, info, 0, 0, 0) < 0)
            ckpt_syscall(SYS_kill, pid, info->si_signo, 0, 0, 0, 0);
    }
}

/* Whether the calling thread is the first one, which sends the signals for the process. */
static bool is_first(void)
{
    return ckpt_sys_gettid() == ckpt_sys_getpid();
}

bool ckpt_pending_signals_take_own(struct ckpt_park *park, uint32_t slot, uint64_t mask)
{
    return take_one(park, slot, mask);
}

void ckpt_pending_signals_send_own(struct ckpt_park *park, uint32_t slot)
{
    send(park, slot);
    if (is_first())
        send(park, CKPT_PARK_PROCESS);
}

/* ---- the coordinator ---- */

/* Let a parked thread do what the value @gate says. */
static void ask(struct ckpt_slot *slot, uint32_t gate)
{
    __atomic_store_n(&slot->gate, gate, __ATOMIC_RELEASE);
    ckpt_sys_futex(&slot->gate, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
    while (__atomic_load_n(&slot->gate, __ATOMIC_ACQUIRE) == gate)
        ckpt_sys_futex(&slot->gate, FUTEX_WAIT_PRIVATE, gate, NULL);
}

static bool ask_to_take(struct ckpt_park *park, uint32_t index, uint64_t mask)
{
    struct ckpt_slot *slot = &park->slots[index];

    slot->take = mask;
    ask(slot, CKPT_GATE_TAKE);
    return slot->take;
}

/* Take the signals of the set @mask that wait for a thread, @name in /proc/self/task. */
static void drain(struct ckpt_park *park, uint32_t slot, const char *name, uint64_t mask)
{
    struct ckpt_task task;
    bool took = true;

    while (took && ckpt_tasks_read_signals(name, &task) && (task.pending & mask))
        took = slot == CKPT_PARK_COORDINATOR ? take_one(park, slot, task.pending & mask)
                                             : ask_to_take(park, slot, task.pending & mask);
}

static void drain_own(struct ckpt_park *park, uint64_t mask)
{
    char link[64];
    long length = ckpt_sys_readlinkat(AT_FDCWD, "/proc/thread-self", link, sizeof link - 1);
    const char *name = link;

    if (length <= 0)
        return;
    link[length] = '\0';
    for (const char *at = link; *at; at++)
        if (*at == '/')
            name = at + 1;
    drain(park, CKPT_PARK_COORDINATOR, name, mask);
}

/* The numbers of the taken signals of a thread, or of the process. */
static uint64_t numbers_of(const struct ckpt_park *park, uint32_t slot)
{
    uint64_t numbers = 0;

    for (uint32_t i = 0; i < park->pending_count; i++)
        if (park->pending[i].slot == slot)
            numbers |= BIT(park->pending[i].info.si_signo);
    return numbers;
}

static uint32_t slot_of(const struct ckpt_park *park, uint32_t tid)
{
    uint32_t i = 0;

    while (i < park->taken && park->slots[i].tid != tid)
        i++;
    return i;
}

static bool drain_thread(int tid, const char *name, void *context)
{
    struct ckpt_park *park = context;
    uint32_t slot = slot_of(park, (uint32_t)tid);

    if (slot < park->taken)
        drain(park, slot, name, ~BIT(park->options.signal));
    return true;
}

/* Whether a thread would take the signal at once, if it were not parked. */
static bool is_unblocked(const struct ckpt_park *park, const struct ckpt_pending_signal *signal)
{
    uint64_t bit = BIT(signal->info.si_signo);
    bool is_for_all = signal->slot == CKPT_PARK_PROCESS;

    if ((is_for_all || signal->slot == CKPT_PARK_COORDINATOR) && !(park->coordinator_mask & bit))
        return true;
    for (uint32_t i = 0; i < park->taken; i++) {
        uint64_t mask;

        __builtin_memcpy(&mask, &park->slots[i].frame->uc_sigmask, sizeof mask);
        if ((is_for_all || signal->slot == i) && !(mask & bit))
            return true;
    }
    return false;
}

/* Whether it ends the JVM: HotSpot's handler for three of them does so, too. */
static bool ends(const struct ckpt_park *park, const siginfo_t *info)
{
    struct ckpt_arch_sigaction action = {.handler = 0};
    int signal = info->si_signo;

    ckpt_sys_sigaction(signal, NULL, &action);
    if (action.handler == (uint64_t)SIG_IGN || is_request(park, info))
        return false;
    if (action.handler == (uint64_t)SIG_DFL)
        return !(BIT(signal) & STOPS_OR_NOTHING);
    return signal == SIGHUP || signal == SIGINT || signal == SIGTERM;
}

/* An image of a JVM that is being ended would end at each restore. */
static int check_end(const struct ckpt_park *park, struct ckpt_error *error)
{
    for (uint32_t i = 0; i < park->pending_count; i++) {
        const struct ckpt_pending_signal *signal = &park->pending[i];

        if (ends(park, &signal->info) && is_unblocked(park, signal))
            return ckpt_error_set(error, 0,
                                  "signal %d, which ends the JVM, has arrived; try again if the "
                                  "JVM continues",
                                  signal->info.si_signo);
    }
    return 0;
}

/* Take those for the process; call when none of @mask wait for the calling thread. */
static void take_of_process(struct ckpt_park *park, uint64_t mask)
{
    while (mask && take_one(park, CKPT_PARK_PROCESS, mask))
        ;
}

int ckpt_pending_signals_take(struct ckpt_park *park, struct ckpt_error *error)
{
    uint64_t all = 0, wanted = ~BIT(park->options.signal);
    long failed;

    park->pending_count = 0;
    park->pending_pid = (int32_t)ckpt_sys_getpid();
    drain_own(park, wanted);
    ckpt_syscall(SYS_rt_sigpending, &all, sizeof all, 0, 0, 0, 0);
    take_of_process(park, all & wanted);
    failed = ckpt_tasks_each(drain_thread, park);
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot list /proc/self/task");
    if (park->pending_count == CKPT_PENDING_MAX)
        return ckpt_error_set(error, 0,
                              "%u and more signals wait to be delivered; let the application take "
                              "them before a checkpoint",
                              CKPT_PENDING_MAX);
    return check_end(park, error);
}

void ckpt_pending_signals_restored(struct ckpt_park *park)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < park->pending_count; i++)
        if (!is_request(park, &park->pending[i].info))
            park->pending[kept++] = park->pending[i];
    park->pending_count = kept;
}

/* ---- sending ---- */

static bool drain_later_ones(int tid, const char *name, void *context)
{
    struct ckpt_park *park = context;
    uint32_t slot = slot_of(park, (uint32_t)tid);
    uint64_t numbers = slot < park->taken ? numbers_of(park, slot) : 0;

    if (numbers)
        drain(park, slot, name, numbers);
    return true;
}

/* Those that have arrived since then come after the others. */
static void take_later_ones(struct ckpt_park *park)
{
    uint64_t of_process = numbers_of(park, CKPT_PARK_PROCESS);

    drain_own(park, numbers_of(park, CKPT_PARK_COORDINATOR) | of_process);
    take_of_process(park, of_process);
    ckpt_tasks_each(drain_later_ones, park);
}

void ckpt_pending_signals_send(struct ckpt_park *park)
{
    uint32_t first = slot_of(park, (uint32_t)ckpt_sys_getpid());

    if (!park->pending_count)
        return;
    take_later_ones(park);
    ckpt_pending_signals_send_own(park, CKPT_PARK_COORDINATOR);
    for (uint32_t i = 0; i < park->taken; i++)
        if (i == first || numbers_of(park, i))
            ask(&park->slots[i], CKPT_GATE_SEND);
    if (first == park->taken && !is_first()) /* it has ended */
        send(park, CKPT_PARK_PROCESS);
    park->pending_count = 0;
}
