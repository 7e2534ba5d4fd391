/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See interrupted_calls.h.  Runs in the signal handler that parks a thread, on the interrupted
 * thread's stack.
 *
 * The kernel restarts most calls that a signal interrupted (SA_RESTART), but sleeps and waits with
 * a timeout end with EINTR.  The application has not installed our handler, and much native code
 * takes EINTR for an error, or then sleeps for too short a time.  So the frame is changed to make
 * the call again, under three conditions:
 *
 * - It is known which call it was: either ckpt_arch_frame_number() is certain, or exactly one of
 *   the possible numbers fits the arguments.  Other calls are left as they are.
 * - No other signal is pending that the thread would take: it may be the reason for the EINTR, and
 *   the application's handler for it will run.
 * - The remaining time is known, or its loss is harmless.  It is known where the timeout is an
 *   absolute time, or the kernel writes the rest back (select, pselect, ppoll; nanosleep and
 *   clock_nanosleep if the caller gave a pointer for it).  Other timeouts begin again, so that such
 *   a wait is longer than its timeout by at most the time that had passed.
 *
 * If time has passed for the process while it was frozen (restore --time=elapsed), a timeout is
 * shortened by that. The timeouts in memory that the kernel does not write to are left as they are,
 * because they may be constants.
 */
#include "engine/parked/interrupted_calls.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/uio.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"

#define MIN_ADDRESS 65536 /* lower addresses are never mapped (vm.mmap_min_addr) */
#define SMALL (1 << 20)   /* an upper bound of descriptors and counts */
#define MAX_CLOCKS 16

struct call {
    uint64_t a, b, c, d, e, f; /* its arguments */
    bool clock_changed;
};

static bool is_address(uint64_t value, bool or_null)
{
    return value ? value >= MIN_ADDRESS && value < ckpt_arch_space_end() : or_null;
}

static bool is_descriptor(uint64_t value)
{
    return (uint32_t)value < SMALL;
}

/* ---- for each call: whether the arguments fit it, and it may be made again ---- */

static bool can_restart_nanosleep(const struct call *call)
{
    return is_address(call->a, false) && is_address(call->b, true);
}

static bool can_restart_clock_nanosleep(const struct call *call)
{
    return (uint32_t)call->a < MAX_CLOCKS && (uint32_t)call->b <= TIMER_ABSTIME &&
           is_address(call->c, false) && is_address(call->d, true) &&
           (!(call->b & TIMER_ABSTIME) || !call->clock_changed ||
            (uint32_t)call->a == CLOCK_REALTIME);
}

static bool can_restart_poll(const struct call *call)
{
    return is_address(call->a, call->b == 0) && call->b < SMALL;
}

static bool can_restart_select(const struct call *call)
{
    return (uint32_t)call->a < SMALL && is_address(call->b, true) && is_address(call->c, true) &&
           is_address(call->d, true) && is_address(call->e, true);
}

static bool can_restart_epoll(const struct call *call)
{
    return is_descriptor(call->a) && is_address(call->b, false) && call->c && call->c < SMALL;
}

static bool can_restart_pause(const struct call *call)
{
    (void)call;
    return true;
}

static bool can_restart_sigsuspend(const struct call *call)
{
    return is_address(call->a, false) && call->b == 8;
}

static bool can_restart_sigtimedwait(const struct call *call)
{
    return is_address(call->a, false) && is_address(call->b, true) && is_address(call->c, true) &&
           call->d == 8;
}

/*
 * Only waits with an absolute timeout are made again. The kernel itself restarts waits without a
 * timeout. For waits with a relative timeout the remaining time is not known, and their callers
 * expect spurious wake-ups.
 */
static bool can_restart_futex(const struct call *call)
{
    bool realtime = call->b & FUTEX_CLOCK_REALTIME;

    return is_address(call->a, false) && (call->b & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
           is_address(call->d, false) && (realtime || !call->clock_changed);
}

static bool can_restart_semop(const struct call *call)
{
    return is_address(call->b, false) && call->c && call->c < SMALL;
}

static bool can_restart_message(const struct call *call)
{
    return is_address(call->b, false);
}

static bool can_restart_get_events(const struct call *call)
{
    return call->b <= call->c && is_address(call->d, false) && is_address(call->e, true);
}

/* What the timeout of a call is, if it can be shortened. */
enum timeout {
    NO_TIMEOUT,
    MILLISECONDS, /* the argument itself; negative: none */
    TIMESPEC,     /* in memory, where the kernel has written the remaining time */
    TIMEVAL,
};

static const struct known_call {
    uint16_t number;
    bool (*can_restart)(const struct call *call);
    enum timeout timeout;
    unsigned argument; /* the timeout, or its address */
} known_calls[] = {
    {SYS_nanosleep, can_restart_nanosleep, TIMESPEC, 1},
    {SYS_clock_nanosleep, can_restart_clock_nanosleep, TIMESPEC, 3},
    {SYS_ppoll, can_restart_poll, TIMESPEC, 2},
    {SYS_pselect6, can_restart_select, TIMESPEC, 4},
    {SYS_epoll_pwait, can_restart_epoll, MILLISECONDS, 3},
    {441 /* epoll_pwait2, Linux 5.11 */, can_restart_epoll, NO_TIMEOUT, 0},
    {SYS_rt_sigsuspend, can_restart_sigsuspend, NO_TIMEOUT, 0},
    {SYS_rt_sigtimedwait, can_restart_sigtimedwait, NO_TIMEOUT, 0},
    {SYS_futex, can_restart_futex, NO_TIMEOUT, 0},
    {SYS_semop, can_restart_semop, NO_TIMEOUT, 0},
    {SYS_semtimedop, can_restart_semop, NO_TIMEOUT, 0},
    {SYS_msgrcv, can_restart_message, NO_TIMEOUT, 0},
    {SYS_msgsnd, can_restart_message, NO_TIMEOUT, 0},
    {SYS_io_getevents, can_restart_get_events, NO_TIMEOUT, 0},
    {SYS_io_pgetevents, can_restart_get_events, NO_TIMEOUT, 0},
#ifdef SYS_poll /* newer processors do not have these */
    {SYS_poll, can_restart_poll, MILLISECONDS, 2},
    {SYS_select, can_restart_select, TIMEVAL, 4},
    {SYS_epoll_wait, can_restart_epoll, MILLISECONDS, 3},
    {SYS_pause, can_restart_pause, NO_TIMEOUT, 0},
#endif
};
#define KNOWN_CALLS (sizeof known_calls / sizeof known_calls[0])

static const struct known_call *find_known(uint64_t number)
{
    for (size_t i = 0; i < KNOWN_CALLS; i++)
        if (known_calls[i].number == number)
            return &known_calls[i];
    return NULL;
}

/* ---- which call it was ---- */

/* The only call that fits the arguments among those whose number the words may be, or NULL. */
static const struct known_call *only_match(const struct ckpt_arch_number *number,
                                           const struct call *call)
{
    const struct known_call *found = NULL;

    for (uint32_t i = 0; i < number->count; i++) {
        const struct known_call *known;
        uint64_t word;

        if (ckpt_raw_peek(&word, number->words + i * sizeof word, sizeof word) < 0)
            return NULL;
        known = find_known(word);
        if (!known || known == found || !known->can_restart(call) ||
            (known->can_restart == can_restart_pause &&
             (call->a | call->b | call->c | call->d | call->e | call->f)))
            continue;
        if (found)
            return NULL;
        found = known;
    }
    return found;
}

/* The call that was interrupted, if it can be made again, or NULL. */
static const struct known_call *find_restartable(const ucontext_t *frame, const struct call *call)
{
    struct ckpt_arch_number number;
    const struct known_call *known;

    ckpt_arch_frame_number(frame, CKPT_ARCH_CALL_AFTER, &number);
    if (!number.is_certain)
        return only_match(&number, call);
    known = find_known(number.value);
    return known && known->can_restart(call) ? known : NULL;
}

/* ---- the frame ---- */

static bool other_signal_is_pending(const ucontext_t *frame)
{
    uint64_t pending = 0, mask;

    __builtin_memcpy(&mask, &frame->uc_sigmask, sizeof mask);
    return ckpt_syscall(SYS_rt_sigpending, &pending, sizeof pending, 0, 0, 0, 0) < 0 ||
           (pending & ~mask);
}

/* If the kernel has written the rest of a sleep to a buffer, make that the time to sleep. */
static void use_remaining_time(ucontext_t *frame, const struct known_call *known,
                               const struct call *call)
{
    if (known->can_restart == can_restart_nanosleep && call->b)
        ckpt_arch_frame_set_argument(frame, 0, call->b);
    if (known->can_restart == can_restart_clock_nanosleep && call->d && !(call->b & TIMER_ABSTIME))
        ckpt_arch_frame_set_argument(frame, 2, call->d);
}

/* Whether the timeout at @call's argument is not one, but an absolute time or none. */
static bool is_absolute(const struct known_call *known, const struct call *call)
{
    return known->can_restart == can_restart_clock_nanosleep && (call->b & TIMER_ABSTIME);
}

/* Shorten a remaining time in memory, in units of 1/@per_second of a second below its seconds. */
static void shorten_in_memory(uint64_t address, int64_t per_second, int64_t elapsed_ns)
{
    struct {
        int64_t seconds, rest;
    } left;
    struct iovec local = {&left, sizeof left}, remote = {(void *)address, sizeof left};
    int64_t units;

    if (!address || ckpt_raw_peek(&left, address, sizeof left) < 0)
        return;
    left.seconds -= elapsed_ns / CKPT_SECOND_NS;
    units = left.rest - elapsed_ns % CKPT_SECOND_NS / (CKPT_SECOND_NS / per_second);
    left.seconds -= units < 0;
    left.rest = units < 0 ? units + per_second : units;
    if (left.seconds < 0)
        left.seconds = left.rest = 0;
    ckpt_syscall(SYS_process_vm_writev, ckpt_sys_getpid(), &local, 1, &remote, 1, 0);
}

/* Let @elapsed_ns pass for the call's timeout. */
static void shorten(ucontext_t *frame, const struct known_call *known, int64_t elapsed_ns)
{
    uint64_t argument = ckpt_arch_frame_argument(frame, known->argument);
    int64_t left = (int32_t)argument;

    if (known->timeout == TIMESPEC)
        shorten_in_memory(argument, CKPT_SECOND_NS, elapsed_ns);
    if (known->timeout == TIMEVAL)
        shorten_in_memory(argument, 1000000, elapsed_ns);
    if (known->timeout != MILLISECONDS || left < 0)
        return;
    left -= elapsed_ns / 1000000;
    ckpt_arch_frame_set_argument(frame, known->argument, left > 0 ? (uint64_t)left : 0);
}

void ckpt_interrupted_calls_restart(ucontext_t *frame, bool clock_changed, int64_t elapsed_ns)
{
    const struct known_call *known;
    struct call call = {.a = ckpt_arch_frame_argument(frame, 0),
                        .b = ckpt_arch_frame_argument(frame, 1),
                        .c = ckpt_arch_frame_argument(frame, 2),
                        .d = ckpt_arch_frame_argument(frame, 3),
                        .e = ckpt_arch_frame_argument(frame, 4),
                        .f = ckpt_arch_frame_argument(frame, 5),
                        .clock_changed = clock_changed};

    if (ckpt_arch_frame_call(frame) != CKPT_ARCH_CALL_AFTER)
        return;
    known = find_restartable(frame, &call);
    if (!known || other_signal_is_pending(frame))
        return;
    if (elapsed_ns > 0 && !is_absolute(known, &call))
        shorten(frame, known, elapsed_ns);
    use_remaining_time(frame, known, &call);
    ckpt_arch_frame_call_again(frame, known->number);
}
