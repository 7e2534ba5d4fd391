/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See halves.h. A thread waits for the second half. It measures time in steps of a second, and
 * counts a longer step as one second: the process was stopped, or frozen by the other program, and
 * that time does not count.
 */
#include "agent/requests/halves.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <time.h>

#include "agent/foreign_restore.h"
#include "agent/options.h"
#include "agent/requests/request.h"
#include "base/clock.h"
#include "base/syscall.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define STEP_MS 1000

/* A futex: the number of the pair of halves. Odd between the first half and the second. */
static uint32_t pair;

static uint32_t current_pair(void)
{
    return __atomic_load_n(&pair, __ATOMIC_ACQUIRE);
}

/* Whether the second half of this pair is requested within that time. */
static bool wait_for_second(uint32_t number, unsigned seconds)
{
    const struct timespec step = ckpt_clock_from_ms(STEP_MS);
    int64_t left = (int64_t)seconds * 1000;

    while (left > 0 && current_pair() == number) {
        int64_t before = ckpt_clock_ms(CLOCK_MONOTONIC), waited;

        ckpt_sys_futex(&pair, FUTEX_WAIT_PRIVATE, number, &step);
        waited = ckpt_clock_ms(CLOCK_MONOTONIC) - before;
        left -= waited < STEP_MS ? waited : STEP_MS;
    }
    return current_pair() != number;
}

static void log_undo(const struct ckpt_request *request, enum ckpt_outcome outcome,
                     unsigned seconds)
{
    if (outcome == CKPT_OUTCOME_DONE || outcome == CKPT_OUTCOME_INCOMPLETE)
        ckpt_log("warning",
                 "the second half of a checkpoint (/after-restore) was not requested within %u "
                 "seconds of the first: undone, the afterRestore hooks were called",
                 seconds);
    for (size_t i = 0; i < request->reason_count; i++)
        ckpt_log("error", "afterRestore failed: %s", request->reasons[i]);
}

static void *undo_after_timeout(void *context)
{
    struct ckpt_request request = {.step = CKPT_STEP_RESUME,
                                   .pair = (uint32_t)(uintptr_t)context,
                                   .generation_mark = ckpt_generation_mark()};
    unsigned seconds = ckpt_options.undo_timeout_s;
    enum ckpt_outcome outcome;

    if (wait_for_second(request.pair, seconds))
        return NULL;
    outcome = ckpt_request_run(&request, "checkpointer undo");
    /* If the process was frozen since, this thread is in both processes, and one of them logs. */
    if (!ckpt_is_restored_since(request.generation_mark))
        log_undo(&request, outcome, seconds);
    ckpt_request_clear(&request);
    return NULL;
}

bool ckpt_halves_are_open(void)
{
    return current_pair() & 1;
}

void ckpt_native_open_halves(JNIEnv *env, jclass owner)
{
    uint32_t number;

    (void)owner;
    ckpt_foreign_restore_prepare(env);
    number = __atomic_add_fetch(&pair, 1, __ATOMIC_ACQ_REL);
    if (ckpt_options.undo_timeout_s &&
        ckpt_thread_start("ckpt undo", undo_after_timeout, (void *)(uintptr_t)number) != 0)
        ckpt_log("warning", "cannot start the thread that undoes the first half of the checkpoint "
                            "after undo_timeout; raise 'ulimit -u'");
}

jboolean ckpt_native_close_halves(JNIEnv *env, jclass owner, jlong number)
{
    uint32_t wanted = ckpt_request_by_number(number)->pair, now = current_pair();

    (void)env;
    (void)owner;
    if (!(now & 1) || (wanted && wanted != now) ||
        !__atomic_compare_exchange_n(&pair, &now, now + 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return false;
    ckpt_sys_futex(&pair, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
    return true;
}
