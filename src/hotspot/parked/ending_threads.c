/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See ending_threads.h. Runs while all threads are parked: only raw system calls.
 */
#include "hotspot/parked/ending_threads.h"

#include "base/raw.h"

const struct ckpt_ending_signal ckpt_ending_signals[CKPT_ENDING_SIGNALS] = {
    {"TERM", "SIGTERM handler"}, {"INT", "SIGINT handler"}, {"HUP", "SIGHUP handler"}};

struct ckpt_ending_busy ckpt_ending_busy;

int ckpt_ending_threads_signal(const char *thread)
{
    for (int i = 0; i < CKPT_ENDING_SIGNALS; i++)
        if (ckpt_raw_equal(thread, ckpt_ending_signals[i].thread))
            return i;
    return -1;
}

static bool is_busy(uint32_t tid)
{
    for (size_t i = 0; i < ckpt_ending_busy.count; i++)
        if (ckpt_ending_busy.tids[i] == tid)
            return true;
    return false;
}

bool ckpt_ending_threads_exist(const struct ckpt_parked_threads *threads)
{
    for (uint32_t i = 0; i < threads->count; i++)
        if (ckpt_ending_threads_signal(threads->list[i].name) >= 0 &&
            !is_busy(threads->list[i].tid))
            return true;
    return false;
}
