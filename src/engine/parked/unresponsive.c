/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See unresponsive.h.  Runs on the coordinator, while the missing threads run.
 *
 * pthread_create(), the end of a thread and posix_spawn() block all signals for a short time, and
 * may wait for a lock of the C library meanwhile.  Then the signal is pending and is delivered as
 * soon as the thread unblocks it, which may be never while the owner of the lock is parked.  So a
 * thread that has had time to run and has not taken the signal makes parking fail for now; it is
 * refused if it also keeps the signal pending while all others run.
 *
 * On a busy machine that short time can be long, so the limits are only for threads that sleep, or
 * that have used CPU time meanwhile. A thread in uninterruptible sleep may be in vfork(), which
 * returns when the child calls exec; it may use the whole time limit of parking.
 */
#include "engine/parked/unresponsive.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "base/tasks.h"
#include "engine/parked/blocked_threads.h"

#define BLOCKED_MS 100       /* while others are parked */
#define BLOCKED_FREE_MS 1000 /* while all run, until it is interrupted */
#define REFUSED_FREE_MS 5000 /* until it is refused: a thread that it waits for may need time too */
#define TICK_MS 10           /* of CPU time in /proc */
#define FREE_LIMIT_MS 30000

#define load(word) __atomic_load_n((word), __ATOMIC_ACQUIRE)

static bool has_parked(const struct ckpt_park *park, uint32_t tid)
{
    uint32_t taken = load(&park->taken);

    for (uint32_t i = 0; i < taken && i < park->capacity; i++)
        if (load(&park->slots[i].done) && park->slots[i].tid == tid)
            return true;
    return false;
}

/* The slot in which the signalled TID @tid is noted, or NULL. */
static struct ckpt_slot *signalled_slot(struct ckpt_park *park, uint32_t tid)
{
    for (uint32_t i = 0; i < park->signalled; i++)
        if (park->slots[i].signalled == tid)
            return &park->slots[i];
    return NULL;
}

/* Whether the signal waits for a thread that blocks it; in the handler it only blocks it. */
static bool blocks(const struct ckpt_park *park, const struct ckpt_task *task)
{
    return ((task->blocked & task->pending) >> (park->options.signal - 1)) & 1;
}

/*
 * Whether a thread that has not parked has got the signal otherwise, in sigwait() or by a signalfd:
 * it is not pending any more, and the thread sleeps.
 */
static bool has_consumed(const struct ckpt_park *park, const struct ckpt_slot *slot,
                         const struct ckpt_task *task)
{
    return task->state == 'S' && !slot->has_taken &&
           !((task->pending >> (park->options.signal - 1)) & 1);
}

/* ---- whether waiting is of use ---- */

struct check {
    struct ckpt_park *park;
    int64_t now, patience_ms;
    bool will_not_park; /* a thread has blocked the signal for that long */
    uint32_t blocked;   /* threads that block it */
};

static bool check_thread(int tid, const char *name, void *context)
{
    struct check *check = context;
    struct ckpt_slot *slot = signalled_slot(check->park, (uint32_t)tid);
    struct ckpt_task task;
    int64_t used_ms;

    if (!slot || has_parked(check->park, (uint32_t)tid) || !ckpt_tasks_read(name, &task))
        return true;
    if (!blocks(check->park, &task) && !has_consumed(check->park, slot, &task)) {
        slot->blocked_ms = 0;
        return true;
    }
    check->blocked++;
    if (!slot->blocked_ms) {
        slot->blocked_ms = check->now;
        slot->blocked_cpu = task.cpu;
    } else if (check->now - slot->blocked_ms >= check->patience_ms) {
        used_ms = (int64_t)(task.cpu - slot->blocked_cpu) * TICK_MS;
        check->will_not_park |= task.state == 'S' || used_ms >= check->patience_ms;
    }
    return true;
}

bool ckpt_unresponsive_check(struct ckpt_park *park, int64_t now_ms)
{
    struct check check = {.park = park, .now = now_ms, .patience_ms = BLOCKED_MS};

    if (!park->queue_is_full)
        park->queue_full_ms = 0;
    else if (!park->queue_full_ms)
        park->queue_full_ms = now_ms;
    else if (now_ms - park->queue_full_ms >= BLOCKED_MS)
        return true;
    ckpt_tasks_each(check_thread, &check);
    return check.will_not_park;
}

/* ---- threads that are interrupted ---- */

struct candidates {
    struct ckpt_park *park;
    int64_t now;
    struct ckpt_blocked_thread list[CKPT_BLOCKED_MAX];
    uint32_t count;
};

static bool add_candidate(int tid, const char *name, void *context)
{
    struct candidates *candidates = context;
    struct ckpt_park *park = candidates->park;
    struct ckpt_slot *slot = signalled_slot(park, (uint32_t)tid);
    struct ckpt_task task = {.state = 0};
    bool waited = slot && park->may_interrupt && slot->blocked_ms &&
                  candidates->now - slot->blocked_ms >= BLOCKED_MS;

    if (!slot || slot->is_interrupted || has_parked(park, (uint32_t)tid) ||
        (!waited && !ckpt_blocked_threads_is_known((uint32_t)tid)) ||
        !ckpt_tasks_read_signals(name, &task))
        return true;
    slot->is_interrupted = 1;
    slot->blocked_ms = 0;
    candidates->list[candidates->count++] = (struct ckpt_blocked_thread){
        .tid = (uint32_t)tid,
        .has_signal = (task.pending >> (park->options.signal - 1)) & 1,
    };
    return candidates->count < CKPT_BLOCKED_MAX;
}

bool ckpt_unresponsive_interrupt(struct ckpt_park *park, int64_t now_ms)
{
    struct candidates candidates = {.park = park, .now = now_ms};
    long failed = 0;

    ckpt_tasks_each(add_candidate, &candidates);
    if (candidates.count)
        failed = ckpt_blocked_threads_interrupt(park, candidates.list, candidates.count);
    if (failed)
        park->interrupt_failed = (int32_t)failed;
    return candidates.count && !failed;
}

bool ckpt_unresponsive_may_interrupt(struct ckpt_park *park)
{
    bool was_tried = park->may_interrupt;

    park->may_interrupt = 1;
    return !was_tried;
}

/* Until @count threads have taken their signal since @late was read, or for the time of a check. */
static void wait_late(struct ckpt_park *park, uint32_t late, uint32_t count)
{
    int64_t end = ckpt_clock_ms(CLOCK_MONOTONIC) + CKPT_UNRESPONSIVE_CHECK_MS, left;
    uint32_t now;

    while ((now = load(&park->late)) - late < count &&
           (left = end - ckpt_clock_ms(CLOCK_MONOTONIC)) > 0) {
        const struct timespec timeout = {.tv_nsec = left * 1000000};

        ckpt_sys_futex(&park->late, FUTEX_WAIT_PRIVATE, now, &timeout);
    }
}

/*
 * Returns as soon as the last one has taken its signal: a moment later the threads may be where
 * parking failed, for example before a lock that is seldom free.
 */
bool ckpt_unresponsive_stays(struct ckpt_park *park)
{
    struct check check = {
        .park = park, .patience_ms = park->interrupt_failed ? REFUSED_FREE_MS : BLOCKED_FREE_MS};
    int64_t start = ckpt_clock_ms(CLOCK_MONOTONIC);

    for (uint32_t i = 0; i < park->signalled; i++)
        park->slots[i].blocked_ms = 0;
    for (;;) {
        uint32_t late = load(&park->late);

        check.now = ckpt_clock_ms(CLOCK_MONOTONIC);
        check.blocked = 0;
        ckpt_tasks_each(check_thread, &check);
        if (!check.blocked)
            return false;
        if (check.will_not_park || check.now - start > FREE_LIMIT_MS)
            return true;
        wait_late(park, late, check.blocked);
        if (load(&park->late) - late >= check.blocked)
            return false;
    }
}

/* ---- the report ---- */

struct missing {
    struct ckpt_park *park;
    bool early;
    char text[512];
    size_t length;
    unsigned count, blocking, stuck;
};

static bool name_one(int tid, const char *name, void *context)
{
    struct missing *missing = context;
    const struct ckpt_slot *slot;
    struct ckpt_task task;
    const char *why = "";
    bool blocking;

    if (has_parked(missing->park, (uint32_t)tid) || !ckpt_tasks_read(name, &task))
        return true;
    slot = signalled_slot(missing->park, (uint32_t)tid);
    blocking = blocks(missing->park, &task) ||
               (slot && missing->early && has_consumed(missing->park, slot, &task));
    if (missing->early && !blocking)
        return true; /* it may still park */
    if (task.state == 'D')
        why = " in uninterruptible sleep";
    else if (task.state == 't')
        why = " held by a debugger";
    else if (blocking)
        why = " with all signals blocked";
    missing->blocking += blocking;
    missing->stuck += task.state == 'D';
    missing->length +=
        ckpt_raw_format(missing->text + missing->length, sizeof missing->text - missing->length,
                        "%s'%s' (%d)%s", missing->count ? ", " : "", task.name, tid, why);
    missing->count++;
    return true;
}

static int report_full_queue(struct ckpt_error *error)
{
    uint64_t limit[2] = {0};

    ckpt_syscall(SYS_prlimit64, 0, RLIMIT_SIGPENDING, NULL, limit, 0, 0);
    return ckpt_error_set(error, EAGAIN,
                          "the user's queue of pending signals is full (RLIMIT_SIGPENDING is %lu), "
                          "so threads cannot be asked to stop; raise 'ulimit -i', or find the "
                          "process of this user whose signals pile up ('SigQ' in /proc/PID/status)",
                          (unsigned long)limit[0]);
}

int ckpt_unresponsive_report(struct ckpt_park *park, bool early, struct ckpt_error *error)
{
    struct missing missing = {.park = park, .early = early};
    const char *hint = "";

    if (park->queue_is_full)
        return report_full_queue(error);
    ckpt_tasks_each(name_one, &missing);
    if (missing.stuck)
        hint = "; such a sleep is vfork() before the child's exec, or a device or network file "
               "system that does not answer; try again";
    else if (missing.blocking &&
             (park->interrupt_failed == -EPERM || park->interrupt_failed == -ENOSYS))
        hint = "; allow ptrace(2) here, by which they could be stopped (seccomp filters, "
               "kernel.yama.ptrace_scope; no debugger may be attached), or unblock signals before "
               "a checkpoint";
    else if (missing.blocking)
        hint = "; native code that blocks all signals must end the thread, or unblock them, before "
               "a checkpoint";
    else
        hint = "; on a busy machine raise the agent's option park_timeout";
    if (early)
        return ckpt_error_set(error, 0, "%u of %lu threads cannot be stopped: %s%s", missing.count,
                              (unsigned long)ckpt_tasks_count(), missing.text, hint);
    return ckpt_error_set(error, ETIMEDOUT, "%u of %lu threads did not stop within %u ms: %s%s",
                          missing.count, (unsigned long)ckpt_tasks_count(),
                          park->options.timeout_ms,
                          missing.count ? missing.text : "unknown to /proc/self/task", hint);
}
