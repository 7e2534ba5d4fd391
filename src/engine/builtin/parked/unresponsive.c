/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See unresponsive.h.  Runs on the coordinator, while the missing threads run.
 *
 * pthread_create() and posix_spawn() block all signals for a short time.  Then the signal is
 * pending and is delivered as soon as the thread unblocks it.  So a thread that has had time to run
 * and has not taken the signal blocks it permanently.  On a busy machine that short time can be
 * long, so the limit of 100 ms is only for threads that sleep, or that have used as much CPU time
 * meanwhile. A thread in uninterruptible sleep may be in vfork(), which returns when the child
 * calls exec; it may use the whole time limit of parking.
 */
#include "engine/builtin/parked/unresponsive.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "base/tasks.h"

#define BLOCKED_MS 100
#define BLOCKED_TICKS 10 /* the same in CPU time: a tick is 10 ms for /proc */

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

static bool blocks(const struct ckpt_park *park, const struct ckpt_task *task)
{
    return (task->blocked >> (park->options.signal - 1)) & 1;
}

/* ---- whether waiting is of use ---- */

struct check {
    struct ckpt_park *park;
    int64_t now;
    bool will_not_park; /* a thread will never park */
};

static bool check_thread(int tid, const char *name, void *context)
{
    struct check *check = context;
    struct ckpt_slot *slot = signalled_slot(check->park, (uint32_t)tid);
    struct ckpt_task task;

    if (!slot || has_parked(check->park, (uint32_t)tid) || !ckpt_tasks_read(name, &task))
        return true;
    if (!blocks(check->park, &task)) {
        slot->blocked_ms = 0;
    } else if (!slot->blocked_ms) {
        slot->blocked_ms = check->now;
        slot->blocked_cpu = task.cpu;
    } else if (check->now - slot->blocked_ms >= BLOCKED_MS) {
        check->will_not_park |= task.state == 'S' || task.cpu - slot->blocked_cpu >= BLOCKED_TICKS;
    }
    return true;
}

bool ckpt_unresponsive_check(struct ckpt_park *park, int64_t now_ms)
{
    struct check check = {.park = park, .now = now_ms};

    if (!park->queue_is_full)
        park->queue_full_ms = 0;
    else if (!park->queue_full_ms)
        park->queue_full_ms = now_ms;
    else if (now_ms - park->queue_full_ms >= BLOCKED_MS)
        return true;
    ckpt_tasks_each(check_thread, &check);
    return check.will_not_park;
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
    struct ckpt_task task;
    const char *why = "";
    bool blocking;

    if (has_parked(missing->park, (uint32_t)tid) || !ckpt_tasks_read(name, &task))
        return true;
    blocking = blocks(missing->park, &task);
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
