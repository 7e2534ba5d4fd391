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
 * - It is certain which call it was.  The frame does not have its number, but the C library loads
 *   it as a constant just before the call.  From glibc 2.41 on it makes all such calls in one
 *   place; then the number is on the caller's stack, where exactly one may fit the arguments.
 *   Other calls are left as they are.
 * - No other signal is pending that the thread would take: that one may be the true reason, and a
 *   handler of the application will run.
 * - The meaning of the call allows it.  What is left of the time is known where the limit is a
 *   moment, or the kernel writes it back (select, pselect, ppoll; nanosleep and clock_nanosleep
 *   where the caller gave room for it).  Other limits begin again: such a wait gets longer than its
 *   limit by at most the time that had passed.
 */
#include "arch/x86_64/interrupted_calls.h"

#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "base/raw.h"
#include "base/syscall.h"

#define CODE 48        /* bytes before a call that are read */
#define NUMBER_IN 24   /* of these, those in which a constant number is looked for */
#define STACK_WORDS 24 /* of the caller, in which the number may be */
#define SMALL (1 << 20)
#define MAX_CLOCKS 16

struct call {
    uint64_t a, b, c, d, e, f; /* its arguments */
    bool clock_changed;
};

/* A place in memory, or none. */
static bool is_address(uint64_t value, bool or_none)
{
    return value ? value >= 65536 && value < 1ull << 47 : or_none;
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
    {SYS_poll, may_poll},
    {SYS_ppoll, may_poll},
    {SYS_select, may_select},
    {SYS_pselect6, may_select},
    {SYS_epoll_wait, may_epoll},
    {SYS_epoll_pwait, may_epoll},
    {441 /* epoll_pwait2 */, may_epoll},
    {SYS_pause, may_pause},
    {SYS_rt_sigsuspend, may_sigsuspend},
    {SYS_rt_sigtimedwait, may_sigtimedwait},
    {SYS_futex, may_futex},
    {SYS_semop, may_semop},
    {SYS_semtimedop, may_semop},
    {SYS_msgrcv, may_message},
    {SYS_msgsnd, may_message},
    {SYS_io_getevents, may_get_events},
    {333 /* io_pgetevents */, may_get_events},
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

/* mov $NUMBER, %eax; of another register the byte before is a prefix. */
static const struct row *row_in_code(const uint8_t *code, const uint8_t *call)
{
    for (const uint8_t *at = call - 5; at > call - NUMBER_IN; at--) {
        uint32_t number;

        if (at[0] != 0xb8 || (at[-1] & 0xf0) == 0x40)
            continue;
        __builtin_memcpy(&number, at + 1, sizeof number);
        return at > code ? row_of(number) : NULL;
    }
    return NULL;
}

/* The place where later C libraries make calls; it has the number in a register, and loses it. */
static bool is_common_place(const uint8_t *code)
{
    static const uint8_t take_number[] = {0x48, 0x89, 0xf0,  /* mov %rsi, %rax */
                                          0x48, 0x89, 0xd7,  /* mov %rdx, %rdi */
                                          0x48, 0x89, 0xce}; /* mov %rcx, %rsi */

    for (size_t i = 0; i + sizeof take_number <= CODE; i++)
        if (__builtin_memcmp(code + i, take_number, sizeof take_number) == 0)
            return true;
    return false;
}

/* Its caller has the number on the stack.  If other words there could be one too, it is none. */
static const struct row *row_on_stack(const struct call *call, uint64_t stack)
{
    const struct row *found = NULL;

    for (int i = 0; i < STACK_WORDS; i++) {
        const struct row *row;
        uint64_t word;

        if (ckpt_raw_peek(&word, stack + (uint64_t)i * sizeof word, sizeof word) < 0)
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

/* ---- the frame ---- */

static bool other_signal_waits(const ucontext_t *frame)
{
    uint64_t pending = 0, mask;

    __builtin_memcpy(&mask, &frame->uc_sigmask, sizeof mask);
    return ckpt_syscall(SYS_rt_sigpending, &pending, sizeof pending, 0, 0, 0, 0) < 0 ||
           (pending & ~mask);
}

/* Whether the thread has just come out of a system call; that one leaves these two behind. */
static bool is_after_call(const greg_t *registers)
{
    return registers[REG_RAX] == -EINTR && registers[REG_RCX] == registers[REG_RIP];
}

/* Where the kernel has written what is left of a sleep, that is the time for which to sleep on. */
static void sleep_the_rest(greg_t *registers, const struct row *row, const struct call *call)
{
    if (row->may == may_nanosleep && call->b)
        registers[REG_RDI] = (greg_t)call->b;
    if (row->may == may_clock_nanosleep && call->d && !(call->b & TIMER_ABSTIME))
        registers[REG_RDX] = (greg_t)call->d;
}

void ckpt_calls_continue(ucontext_t *frame, bool clock_changed)
{
    greg_t *registers = frame->uc_mcontext.gregs;
    uint8_t code[CODE + 2];
    const struct row *row;
    struct call call = {.a = (uint64_t)registers[REG_RDI],
                        .b = (uint64_t)registers[REG_RSI],
                        .c = (uint64_t)registers[REG_RDX],
                        .d = (uint64_t)registers[REG_R10],
                        .e = (uint64_t)registers[REG_R8],
                        .f = (uint64_t)registers[REG_R9],
                        .clock_changed = clock_changed};

    if (!is_after_call(registers) ||
        ckpt_raw_peek(code, (uint64_t)registers[REG_RIP] - sizeof code, sizeof code) < 0 ||
        code[CODE] != 0x0f || code[CODE + 1] != 0x05)
        return;
    row = row_in_code(code, code + CODE);
    if (!row && is_common_place(code))
        row = row_on_stack(&call, (uint64_t)registers[REG_RSP]);
    if (!row || !row->may(&call) || other_signal_waits(frame))
        return;
    sleep_the_rest(registers, row, &call);
    registers[REG_RAX] = row->number;
    registers[REG_RIP] -= 2;
}
