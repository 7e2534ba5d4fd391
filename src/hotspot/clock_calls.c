/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See clock_calls.h. HotSpot reads monotonic time by clock_gettime(), and passes it only to
 * pthread_cond_timedwait(). It calls both by pointers in its writable data: the global offset
 * table, or variables (JDK 8 and 11). These pointers are found before a freeze and replaced in the
 * restored process, only if that is necessary.
 *
 * Not corrected: a deadline that a thread has passed to libc, but libc not yet to the kernel, at
 * the freeze; monotonic time in native libraries other than libjvm.
 */
#include "hotspot/clock_calls.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "hotspot/libjvm.h"
#include "hotspot/parked/clock_redirect.h"

/* in seconds: a time from here on is a date, a smaller one an uptime */
#define EPOCH_MIN 1000000000

static struct ckpt_clock_calls *const found = &ckpt_clock_calls;

static struct timespec shifted(const struct timespec *time, int64_t by)
{
    int64_t seconds = time->tv_sec + by / CKPT_SECOND_NS;
    int64_t rest = time->tv_nsec + by % CKPT_SECOND_NS;

    if (rest < 0) {
        rest += CKPT_SECOND_NS;
        seconds--;
    } else if (rest >= CKPT_SECOND_NS) {
        rest -= CKPT_SECOND_NS;
        seconds++;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

static int shifted_clock(clockid_t clock, struct timespec *now)
{
    int failed = clock_gettime(clock, now);

    if (!failed && clock == CLOCK_MONOTONIC)
        *now = shifted(now, ckpt_clock_calls.offset_ns);
    return failed;
}

/* The clock of a condition cannot be read from it, but is known from the size of the deadline. */
static int shifted_wait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                        const struct timespec *deadline)
{
    struct timespec here = *deadline;

    if (deadline->tv_sec < EPOCH_MIN) {
        here = shifted(deadline, -ckpt_clock_calls.offset_ns);
        if (here.tv_sec < 0) /* the deadline has passed; the kernel refuses negative times */
            here = (struct timespec){.tv_sec = 0};
    }
    return pthread_cond_timedwait(condition, mutex, &here);
}

/* ---- the pointers in libjvm ---- */

static void search(const struct ckpt_libjvm *libjvm, const struct ckpt_libjvm_segment *segment,
                   void *function, void *replacement)
{
    for (void **at = (void **)segment->start; (char *)(at + 1) <= segment->end; at++)
        if (*at == function && found->count < CKPT_CLOCK_CALLS_MAX)
            found->calls[found->count++] =
                (struct ckpt_clock_call){.at = at,
                                         .replacement = replacement,
                                         .read_only = (uint64_t)at >= libjvm->relocated.start &&
                                                      (uint64_t)at < libjvm->relocated.end};
}

static bool has_call_to(void *replacement)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->calls[i].replacement == replacement)
            return true;
    return false;
}

bool ckpt_clock_calls_find(void)
{
    const struct ckpt_libjvm *libjvm = ckpt_libjvm();
    void *clock = dlsym(RTLD_DEFAULT, "clock_gettime");
    void *wait = dlsym(RTLD_DEFAULT, "pthread_cond_timedwait");

    if (found->are_redirected)
        /* an earlier call found the pointers, which no longer have the values to search for */
        return true;
    found->count = 0;
    for (size_t i = 0; libjvm && clock && wait && i < libjvm->count; i++)
        if (libjvm->segments[i].writable) {
            search(libjvm, &libjvm->segments[i], clock, (void *)shifted_clock);
            search(libjvm, &libjvm->segments[i], wait, (void *)shifted_wait);
        }
    return found->count < CKPT_CLOCK_CALLS_MAX && has_call_to((void *)shifted_clock) &&
           has_call_to((void *)shifted_wait);
}
