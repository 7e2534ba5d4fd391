/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * See unresponsive.h.  Runs on the coordinator, while the threads that are missing run.
 *
 * A thread may block all signals for an instant: pthread_create() and posix_spawn() do.  The signal
 * is pending then and is delivered at the first moment at which the thread does not block it.  So a
 * thread that has had time to run and still has not taken it blocks it for good.  On a busy machine
 * such an instant can be long, so 100 ms count only for a thread that sleeps, or that has used that
 * much CPU time meanwhile.  A thread in uninterruptible sleep may be the caller of vfork(), which
 * ends when the child calls exec: that one gets the whole time.
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

static struct ckpt_slot *asked(struct ckpt_park *park, uint32_t tid)
{
    for (uint32_t i = 0; i < park->asked; i++)
        if (park->slots[i].asked == tid)
            return &park->slots[i];
    return NULL;
}

static bool blocks(const struct ckpt_park *park, const struct ckpt_task *task)
{
    return (task->blocked >> (park->options.signal - 1)) & 1;
}

/* ---- whether to wait on ---- */

struct look {
    struct ckpt_park *park;
    int64_t now;
    bool hopeless;
};

static bool look_at(int tid, const char *name, void *context)
{
    struct look *look = context;
    struct ckpt_slot *slot = asked(look->park, (uint32_t)tid);
    struct ckpt_task task;

    if (!slot || has_parked(look->park, (uint32_t)tid) || !ckpt_tasks_read(name, &task))
        return true;
    if (!blocks(look->park, &task)) {
        slot->blocked_ms = 0;
    } else if (!slot->blocked_ms) {
        slot->blocked_ms = look->now;
        slot->blocked_cpu = task.cpu;
    } else if (look->now - slot->blocked_ms >= BLOCKED_MS) {
        look->hopeless |= task.state == 'S' || task.cpu - slot->blocked_cpu >= BLOCKED_TICKS;
    }
    return true;
}

bool ckpt_unparked_look(struct ckpt_park *park, int64_t now_ms)
{
    struct look look = {.park = park, .now = now_ms};

    if (!park->queue_is_full)
        park->queue_full_ms = 0;
    else if (!park->queue_full_ms)
        park->queue_full_ms = now_ms;
    else if (now_ms - park->queue_full_ms >= BLOCKED_MS)
        return true;
    ckpt_tasks_each(look_at, &look);
    return look.hopeless;
}

/* ---- the report ---- */

struct missing {
    struct ckpt_park *park;
    bool in_time;
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
    if (missing->in_time && !blocking)
        return true; /* it would have come */
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

int ckpt_unparked_report(struct ckpt_park *park, bool in_time, struct ckpt_error *error)
{
    struct missing missing = {.park = park, .in_time = in_time};
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
    if (in_time)
        return ckpt_error_set(error, 0, "%u of %lu threads cannot be stopped: %s%s", missing.count,
                              (unsigned long)ckpt_tasks_count(), missing.text, hint);
    return ckpt_error_set(error, ETIMEDOUT, "%u of %lu threads did not stop within %u ms: %s%s",
                          missing.count, (unsigned long)ckpt_tasks_count(),
                          park->options.timeout_ms,
                          missing.count ? missing.text : "unknown to /proc/self/task", hint);
}
