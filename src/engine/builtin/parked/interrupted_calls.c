/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * See interrupted_calls.h.  Runs in the handler that parks, on whatever stack the thread has.
 *
 * The kernel makes most calls again that a signal interrupted (SA_RESTART), but sleeps and waits
 * with a limit end with EINTR.  The application has not installed that handler, and much native
 * code takes EINTR for an error, or sleeps too short.  So the frame is changed to make the call
 * again, under three conditions:
 *
 * - It is certain which call it was (ckpt_arch_frame_number()), or of the numbers that it may have
 *   had exactly one fits the arguments.  Other calls are left as they are.
 * - No other signal is pending that the thread would take: that one may be the true reason, and a
 *   handler of the application will run.
 * - The meaning of the call allows it.  What is left of the time is known where the limit is a
 *   moment, or the kernel writes it back (select, pselect, ppoll; nanosleep and clock_nanosleep
 *   where the caller gave room for it).  Other limits begin again: such a wait gets longer than its
 *   limit by at most the time that had passed.
 */
#include "engine/builtin/parked/interrupted_calls.h"

#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "arch/arch.h"
#include "base/raw.h"
#include "base/syscall.h"

#define LOWEST 65536 /* address that a process may have memory at */
#define SMALL (1 << 20)
#define MAX_CLOCKS 16

struct call {
    uint64_t a, b, c, d, e, f; /* its arguments */
    bool clock_changed;
};

/* A place in memory, or none. */
static bool is_address(uint64_t value, bool or_none)
{
    return value ? value >= LOWEST && value < ckpt_arch_space_end() : or_none;
}

static bool is_descriptor(uint64_t value)
{
    return (uint32_t)value < SMALL;
}

/* ---- for each kind: whether the arguments fit, and the call may be made again ---- */

static bool may_nanosleep(const struct call *call)
{
    return is_address(call->a, false) && is_address(call->b, true);
}

static bool may_clock_nanosleep(const struct call *call)
{
    return (uint32_t)call->a < MAX_CLOCKS && (uint32_t)call->b <= TIMER_ABSTIME &&
           is_address(call->c, false) && is_address(call->d, true) &&
           (!(call->b & TIMER_ABSTIME) || !call->clock_changed ||
            (uint32_t)call->a == CLOCK_REALTIME);
}

static bool may_poll(const struct call *call)
{
    return is_address(call->a, call->b == 0) && call->b < SMALL;
}

static bool may_select(const struct call *call)
{
    return (uint32_t)call->a < SMALL && is_address(call->b, true) && is_address(call->c, true) &&
           is_address(call->d, true) && is_address(call->e, true);
}

static bool may_epoll(const struct call *call)
{
    return is_descriptor(call->a) && is_address(call->b, false) && call->c && call->c < SMALL;
}

static bool may_pause(const struct call *call)
{
    (void)call;
    return true;
}

static bool may_sigsuspend(const struct call *call)
{
    return is_address(call->a, false) && call->b == 8;
}

static bool may_sigtimedwait(const struct call *call)
{
    return is_address(call->a, false) && is_address(call->b, true) && is_address(call->c, true) &&
           call->d == 8;
}

/* A wait until a moment.  All that use futexes take a wake-up without a reason, and the rest. */
static bool may_futex(const struct call *call)
{
    bool realtime = call->b & FUTEX_CLOCK_REALTIME;

    return is_address(call->a, false) && (call->b & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
           is_address(call->d, false) && (realtime || !call->clock_changed);
}

static bool may_semop(const struct call *call)
{
    return is_address(call->b, false) && call->c && call->c < SMALL;
}

static bool may_message(const struct call *call)
{
    return is_address(call->b, false);
}

static bool may_get_events(const struct call *call)
{
    return call->b <= call->c && is_address(call->d, false) && is_address(call->e, true);
}

static const struct row {
    uint16_t number;
    bool (*may)(const struct call *call);
} rows[] = {
    {SYS_nanosleep, may_nanosleep},
    {SYS_clock_nanosleep, may_clock_nanosleep},
    {SYS_ppoll, may_poll},
    {SYS_pselect6, may_select},
    {SYS_epoll_pwait, may_epoll},
    {441 /* epoll_pwait2, Linux 5.11 */, may_epoll},
    {SYS_rt_sigsuspend, may_sigsuspend},
    {SYS_rt_sigtimedwait, may_sigtimedwait},
    {SYS_futex, may_futex},
    {SYS_semop, may_semop},
    {SYS_semtimedop, may_semop},
    {SYS_msgrcv, may_message},
    {SYS_msgsnd, may_message},
    {SYS_io_getevents, may_get_events},
    {SYS_io_pgetevents, may_get_events},
#ifdef SYS_poll /* newer processors do not have these */
    {SYS_poll, may_poll},
    {SYS_select, may_select},
    {SYS_epoll_wait, may_epoll},
    {SYS_pause, may_pause},
#endif
};
#define ROWS (sizeof rows / sizeof rows[0])

static const struct row *row_of(uint64_t number)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

/* ---- which call it was ---- */

/* Of the words that may be its number, the only one that fits. */
static const struct row *only_row(const struct ckpt_arch_number *number, const struct call *call)
{
    const struct row *found = NULL;

    for (uint32_t i = 0; i < number->count; i++) {
        const struct row *row;
        uint64_t word;

        if (ckpt_raw_peek(&word, number->words + i * sizeof word, sizeof word) < 0)
            return NULL;
        row = row_of(word);
        if (!row || row == found || !row->may(call) ||
            (row->may == may_pause && (call->a | call->b | call->c | call->d | call->e | call->f)))
            continue;
        if (found)
            return NULL;
        found = row;
    }
    return found;
}

static const struct row *row_that_may(const ucontext_t *frame, const struct call *call)
{
    struct ckpt_arch_number number;
    const struct row *row;

    ckpt_arch_frame_number(frame, CKPT_ARCH_CALL_AFTER, &number);
    if (!number.is_certain)
        return only_row(&number, call);
    row = row_of(number.value);
    return row && row->may(call) ? row : NULL;
}

/* ---- the frame ---- */

static bool other_signal_waits(const ucontext_t *frame)
{
    uint64_t pending = 0, mask;

    __builtin_memcpy(&mask, &frame->uc_sigmask, sizeof mask);
    return ckpt_syscall(SYS_rt_sigpending, &pending, sizeof pending, 0, 0, 0, 0) < 0 ||
           (pending & ~mask);
}

/* Where the kernel has written what is left of a sleep, that is the time for which to sleep on. */
static void sleep_the_rest(ucontext_t *frame, const struct row *row, const struct call *call)
{
    if (row->may == may_nanosleep && call->b)
        ckpt_arch_frame_set_argument(frame, 0, call->b);
    if (row->may == may_clock_nanosleep && call->d && !(call->b & TIMER_ABSTIME))
        ckpt_arch_frame_set_argument(frame, 2, call->d);
}

void ckpt_calls_continue(ucontext_t *frame, bool clock_changed)
{
    const struct row *row;
    struct call call = {.a = ckpt_arch_frame_argument(frame, 0),
                        .b = ckpt_arch_frame_argument(frame, 1),
                        .c = ckpt_arch_frame_argument(frame, 2),
                        .d = ckpt_arch_frame_argument(frame, 3),
                        .e = ckpt_arch_frame_argument(frame, 4),
                        .f = ckpt_arch_frame_argument(frame, 5),
                        .clock_changed = clock_changed};

    if (ckpt_arch_frame_call(frame) != CKPT_ARCH_CALL_AFTER)
        return;
    row = row_that_may(frame, &call);
    if (!row || other_signal_waits(frame))
        return;
    sleep_the_rest(frame, row, &call);
    ckpt_arch_frame_call_again(frame, row->number);
}
