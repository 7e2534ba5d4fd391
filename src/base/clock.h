/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The kernel's clocks and arithmetic with struct timespec, for all worlds.
 *
 * Clocks are read by a system call, not by libc's function: parked code must not call into the
 * vDSO, which a restore replaces. No caller reads clocks so often that the difference matters.
 */
#ifndef CKPT_BASE_CLOCK_H
#define CKPT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/syscall.h"

#define CKPT_SECOND_NS 1000000000ll

/** @time in nanoseconds. */
static inline int64_t ckpt_clock_to_ns(struct timespec time)
{
    return time.tv_sec * CKPT_SECOND_NS + time.tv_nsec;
}

/** @ms milliseconds as a timespec. @ms is not negative. */
static inline struct timespec ckpt_clock_from_ms(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

/** The time of @clock (CLOCK_*) in nanoseconds; 0 if the kernel has no such clock. */
static inline int64_t ckpt_clock_ns(int clock)
{
    struct timespec now = {0};

    ckpt_sys_clock(clock, &now);
    return ckpt_clock_to_ns(now);
}

/** The time of @clock in milliseconds. */
static inline int64_t ckpt_clock_ms(int clock)
{
    return ckpt_clock_ns(clock) / 1000000;
}

#endif
