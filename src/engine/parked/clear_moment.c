/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See clear_moment.h.
 */
#include "engine/parked/clear_moment.h"

#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "base/syscall.h"

/* How long, and how often, short-lived obstacles are looked for at least, if they do not go. */
#define CLEAR_MS 200
#define CLEAR_WALKS 20
#define CLEAR_PAUSE_NS 1000000
#define SCRATCH_SIZE ((size_t)4 << 20) /* for a report */
/* How many freezes are tried while each of them finds: */
#define SAME_TRIES 5      /* an obstacle that all of them have found */
#define CHANGING_TRIES 20 /* other obstacles than before */

/*
 * While threads run, wait until nothing prevents the checkpoint, or none of the obstacles in
 * @staying (NULL: none are given) has been there all the time; those that have not are removed from
 * it.  Walks are counted, not only time: where many processes want the CPU, the application may get
 * none for long.
 */
static void wait_until_clear(const struct ckpt_obstacle_search *search, struct ckpt_report *scratch,
                             struct ckpt_report *staying)
{
    static const struct timespec pause = {.tv_nsec = CLEAR_PAUSE_NS};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + CLEAR_MS;
    struct ckpt_error error;

    for (int walk = 0; walk < CLEAR_WALKS || ckpt_clock_ms(CLOCK_MONOTONIC) < deadline; walk++) {
        if (walk)
            ckpt_syscall(SYS_nanosleep, &pause, NULL, 0, 0, 0, 0);
        ckpt_report_clear(scratch);
        if (search->inspect(search->context, scratch, &error) < 0)
            continue;
        if (staying)
            ckpt_report_keep(staying, scratch);
        if (scratch->count == 0 || (staying && staying->count == 0))
            return;
    }
}

void ckpt_clear_moment_wait(const struct ckpt_obstacle_search *search, struct ckpt_report *report)
{
    wait_until_clear(search, report, NULL);
}

/* Inspect while all threads are parked, and release them afterwards. */
static int inspect_parked(const struct ckpt_obstacle_search *search, struct ckpt_report *report,
                          struct ckpt_error *error)
{
    struct ckpt_park *session = ckpt_park_open(search->park, error);
    uint64_t all = ~0ull, mask;
    int result = -1;

    if (!session)
        return -1;
    ckpt_sys_sigprocmask(SIG_SETMASK, &all, &mask);
    if (ckpt_park_all(session, error) == 0) {
        result = search->inspect(search->context, report, error);
        ckpt_park_release(session);
    }
    ckpt_park_close(session);
    ckpt_sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    return result;
}

static void confirm(const struct ckpt_obstacle_search *search, struct ckpt_report *report,
                    struct ckpt_report *again)
{
    struct ckpt_error error;

    for (int pass = 0; pass < 2 && report->count; pass++) {
        if (pass)
            wait_until_clear(search, again, report);
        if (report->count == 0)
            return;
        ckpt_report_clear(again);
        if (inspect_parked(search, again, &error) == 0)
            ckpt_report_keep(report, again);
    }
}

int ckpt_clear_moment_confirm(const struct ckpt_obstacle_search *search, struct ckpt_report *report,
                              struct ckpt_error *error)
{
    struct ckpt_scratch scratch;
    struct ckpt_report *again;

    if (report->count == 0)
        return 0;
    if (ckpt_scratch_open(&scratch, SCRATCH_SIZE, error) < 0)
        return -1;
    again = ckpt_scratch_take(&scratch, sizeof *again, error);
    if (again)
        confirm(search, report, again);
    ckpt_scratch_close(&scratch);
    return 0;
}

void ckpt_clear_moment_repeat(bool (*attempt)(void *context, struct ckpt_report *report),
                              void *context, struct ckpt_park *session, struct ckpt_report *report)
{
    static struct ckpt_report staying; /* what every attempt has found */

    for (int try = 1; attempt(context, report); try++) {
        if (try == 1)
            staying = *report;
        else
            ckpt_report_keep(&staying, report);
        if (try == CHANGING_TRIES || (try >= SAME_TRIES && staying.count))
            return;
        ckpt_park_wait_left(session);
        ckpt_report_clear(report);
    }
}
