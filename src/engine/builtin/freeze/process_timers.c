/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Timers that send signals: the three interval timers, and POSIX timers, which /proc/self/timers
 * lists with their signal and clock. They continue with the time that was left, as a timerfd does.
 * The kernel does not report whether a time of the wall clock was absolute, so it is taken for a
 * relative one; and the number of expirations whose signal was not handled yet is lost.
 *
 * Numbers of POSIX timers, which the process knows, count up from 0. From Linux 6.15 on a process
 * may choose them; before that, timers are made and deleted until one has the right number.
 */
#include "engine/builtin/freeze/process_timers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <time.h>

#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"

#define TIMERS_MAX 4096
#define NUMBER_MAX 4000000 /* so many timers are made at most to reach a number; takes seconds */
#define CHOOSE_NUMBERS 77  /* PR_TIMER_CREATE_RESTORE_IDS */
#define NO_SLOT 0xfffffffeu

/* The clock of a process or thread: its inverted number, then 1 bit for a thread, 2 for which. */
#define OF_THREAD 4
#define WHICH 3
#define OWN_PROCESS (-8) /* without the two bits */
#define FAR 1000000000l  /* seconds; further than any clock of a thread */

struct posix_timer {
    int32_t number, clock;
    int32_t signal;
    bool silent;           /**< SIGEV_NONE */
    bool dead;             /**< the thread that its clock is about has ended */
    uint32_t thread;       /**< the slot of the thread that gets the signal; NO_SLOT: any thread */
    uint32_t clock_thread; /**< the slot of the thread that its clock is about, or NO_SLOT */
    uint64_t value;        /**< of the signal */
    int64_t left_ns, interval_ns;
};

/* Static, so that it is in the image. */
static struct {
    struct itimerval intervals[3]; /**< ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF */
    uint32_t count;
    struct posix_timer timers[TIMERS_MAX];
} saved;

static struct ckpt_raw_lines lines;

/* Where the parser of /proc/self/timers is. */
struct parser {
    struct posix_timer timer;
    uint32_t notify; /**< the PID or TID that is notified */
    bool to_thread;
};

static long set_timer(int number, int flags, const struct itimerspec *to, struct itimerspec *old)
{
    return ckpt_syscall(SYS_timer_settime, number, flags, to, old, 0, 0);
}

/* "60/00007fff86e452a8" */
static void parse_signal(struct parser *parser, const char *at)
{
    parser->timer.signal = (int32_t)ckpt_raw_number(&at, 10);
    at++;
    parser->timer.value = ckpt_raw_number(&at, 16);
}

/* "signal/pid.2634", "none/tid.7" */
static void parse_notify(struct parser *parser, const char *at)
{
    parser->timer.silent = ckpt_raw_starts(at, "none");
    parser->to_thread = ckpt_raw_find(at, "/tid.") != NULL;
    while (*at && *at != '.')
        at++;
    at += *at == '.';
    parser->notify = (uint32_t)ckpt_raw_number(&at, 10);
}

/*
 * The clock is the last line of a timer, which is complete then. A line of another timer begins
 * with "ID:".
 */
static bool parse_line(struct parser *parser, const char *line)
{
    const char *at = line;

    while (*at && *at != ':')
        at++;
    at += *at == ':';
    ckpt_raw_blanks(&at);
    if (ckpt_raw_starts(line, "ID:"))
        *parser = (struct parser){.timer.number = (int32_t)ckpt_raw_number(&at, 10)};
    else if (ckpt_raw_starts(line, "signal:"))
        parse_signal(parser, at);
    else if (ckpt_raw_starts(line, "notify:"))
        parse_notify(parser, at);
    if (!ckpt_raw_starts(line, "ClockID:"))
        return false;
    parser->timer.clock =
        *at == '-' ? (at++, -(int32_t)ckpt_raw_number(&at, 10)) : (int32_t)ckpt_raw_number(&at, 10);
    return true;
}

/* Call @take with each timer. 0, or a negative error; -ENOENT: this kernel does not list them. */
static long list_timers(void (*take)(void *context, const struct parser *parser), void *context)
{
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/timers", O_RDONLY | O_CLOEXEC, 0);
    struct parser parser = {0};
    const char *line;

    if (fd < 0)
        return fd;
    ckpt_raw_lines_init(&lines, (int)fd);
    while ((line = ckpt_raw_lines_next(&lines)))
        if (parse_line(&parser, line))
            take(context, &parser);
    ckpt_sys_close((int)fd);
    return lines.failed;
}

/* ---- refusals ---- */

struct check {
    struct ckpt_report *report;
    size_t count;
};

static bool is_own_task(uint32_t tid)
{
    return tid == 0 || ckpt_syscall(SYS_tgkill, ckpt_sys_getpid(), tid, 0, 0, 0, 0) == 0;
}

/*
 * Whether the process or thread that its clock is about has ended: such a timer is never armed, and
 * even disarming it fails.
 */
static bool is_dead(int number)
{
    struct itimerspec none = {0}, left = {0};

    ckpt_syscall(SYS_timer_gettime, number, &left, 0, 0, 0, 0);
    return !left.it_value.tv_sec && !left.it_value.tv_nsec &&
           set_timer(number, 0, &none, NULL) == -ESRCH;
}

static bool has_foreign_clock(const struct posix_timer *timer)
{
    return timer->clock < 0 && !is_own_task((uint32_t) ~(timer->clock >> 3)) &&
           !is_dead(timer->number);
}

static void check_timer(void *context, const struct parser *parser)
{
    struct check *check = context;
    bool named_otherwise = !parser->to_thread && parser->notify != (uint32_t)ckpt_sys_getpid();

    if (check->count++ == TIMERS_MAX)
        ckpt_report_refuse(
            check->report, "resource", "delete them in a beforeCheckpoint hook",
            "native code in the JVM has created more than %d POSIX timers (timer_create)",
            TIMERS_MAX);
    else if (check->count <= TIMERS_MAX && named_otherwise && !parser->timer.silent)
        ckpt_report_refuse(check->report, "resource",
                           "mount /proc again, or delete them in a beforeCheckpoint hook",
                           "native code in the JVM has created POSIX timers (timer_create), and "
                           "/proc shows them with the numbers of another PID namespace");
    else if (check->count <= TIMERS_MAX && has_foreign_clock(&parser->timer))
        ckpt_report_refuse(check->report, "resource", "delete it in a beforeCheckpoint hook",
                           "native code in the JVM has created a POSIX timer (timer_create) that "
                           "counts the CPU time of another process");
    else
        return;
    ckpt_report_criu_keeps(check->report, CKPT_CRIU_KEEPS_TIMERS);
}

int ckpt_process_timers_check(struct ckpt_report *report, struct ckpt_error *error)
{
    struct check check = {.report = report};
    long failed = list_timers(check_timer, &check);

    if (failed < 0 && failed != -ENOENT)
        return ckpt_error_set(error, (int)-failed, "cannot read /proc/self/timers");
    return 0;
}

/* ---- the freeze ---- */

static uint32_t find_slot(const struct ckpt_park *park, uint32_t tid)
{
    if ((uint32_t)ckpt_sys_gettid() == tid)
        return CKPT_PARK_COORDINATOR;
    for (uint32_t i = 0; i < park->taken; i++)
        if (park->slots[i].tid == tid)
            return i;
    return NO_SLOT;
}

static int64_t in_ns(const struct timespec *time)
{
    return time->tv_sec > INT64_MAX / CKPT_SECOND_NS - 1
               ? INT64_MAX
               : time->tv_sec * CKPT_SECOND_NS + time->tv_nsec;
}

/* How much CPU time @clock shows; negative: there is no such thread. */
static int64_t cpu_time(int clock)
{
    struct timespec time = {0};

    return ckpt_syscall(SYS_clock_gettime, clock, &time, 0, 0, 0, 0) == 0 ? in_ns(&time) : -1;
}

static int thread_clock(uint32_t tid, int clock)
{
    return (int)(~tid << 3) | OF_THREAD | (clock & WHICH);
}

/*
 * Find the thread for a timer that was created with the calling thread's own clock: the kernel does
 * not show which thread that was. But the time left until an absolute time shows how much CPU time
 * the thread has used, which does not change while threads are parked.
 */
static uint32_t find_own_clock(const struct ckpt_park *park, struct posix_timer *timer)
{
    struct itimerspec far = {.it_value.tv_sec = FAR}, old = {0}, left = {0};
    int64_t used;

    timer->dead = set_timer(timer->number, TIMER_ABSTIME, &far, &old) < 0;
    if (timer->dead)
        return NO_SLOT;
    ckpt_syscall(SYS_timer_gettime, timer->number, &left, 0, 0, 0, 0);
    set_timer(timer->number, 0, &old, NULL);
    used = FAR * CKPT_SECOND_NS - in_ns(&left.it_value);
    for (uint32_t i = 0; i < park->taken; i++)
        if (cpu_time(thread_clock(park->slots[i].tid, timer->clock)) == used)
            return i;
    return CKPT_PARK_COORDINATOR; /* the only thread whose time advances */
}

static void record_timer(void *context, const struct parser *parser)
{
    const struct ckpt_park *park = context;
    struct posix_timer timer = parser->timer;
    struct itimerspec left = {0};
    uint32_t about = (uint32_t) ~(timer.clock >> 3);

    if (saved.count == TIMERS_MAX)
        return;
    ckpt_syscall(SYS_timer_gettime, timer.number, &left, 0, 0, 0, 0);
    timer.left_ns = in_ns(&left.it_value);
    timer.interval_ns = in_ns(&left.it_interval);
    timer.thread = parser->to_thread ? find_slot(park, parser->notify) : NO_SLOT;
    timer.silent |= parser->to_thread && timer.thread == NO_SLOT; /* that thread has ended */
    timer.clock_thread = NO_SLOT;
    if (timer.clock < 0 && (timer.clock & OF_THREAD))
        timer.clock_thread = about ? find_slot(park, about) : find_own_clock(park, &timer);
    saved.timers[saved.count++] = timer;
}

void ckpt_process_timers_record(const struct ckpt_park *park)
{
    saved.count = 0;
    for (int i = 0; i < 3; i++)
        ckpt_syscall(SYS_getitimer, i, &saved.intervals[i], 0, 0, 0, 0);
    list_timers(record_timer, (void *)park);
}

/* ---- the restored process ---- */

static uint32_t tid_of(const struct ckpt_park *park, uint32_t slot)
{
    return slot == CKPT_PARK_COORDINATOR ? park->coordinator.tid : park->slots[slot].tid;
}

/* Make a timer with this number, by the newer or the older way. */
static long create(const struct posix_timer *timer, int clock, struct sigevent *event, bool choose)
{
    int number = timer->number;
    long failed = ckpt_syscall(SYS_timer_create, clock, event, &number, 0, 0, 0);

    while (!choose && failed == 0 && number < timer->number && number < NUMBER_MAX) {
        ckpt_syscall(SYS_timer_delete, number, 0, 0, 0, 0, 0);
        failed = ckpt_syscall(SYS_timer_create, clock, event, &number, 0, 0, 0);
    }
    if (failed == 0 && number != timer->number) {
        ckpt_syscall(SYS_timer_delete, number, 0, 0, 0, 0, 0);
        return -ERANGE;
    }
    return failed;
}

static void fill_event(const struct ckpt_park *park, const struct posix_timer *timer,
                       struct sigevent *event)
{
    *event = (struct sigevent){.sigev_signo = timer->signal,
                               .sigev_notify = timer->silent ? SIGEV_NONE : SIGEV_SIGNAL};
    __builtin_memcpy(&event->sigev_value, &timer->value, sizeof timer->value);
    if (!timer->silent && timer->thread != NO_SLOT) {
        event->sigev_notify = SIGEV_THREAD_ID;
        event->_sigev_un._tid = (int)tid_of(park, timer->thread);
    }
}

/* Whether its clock advances while no process runs, if --time=elapsed says so. */
static bool is_cpu_clock(const struct posix_timer *timer)
{
    return timer->clock < 0 || timer->clock == CLOCK_PROCESS_CPUTIME_ID ||
           timer->clock == CLOCK_THREAD_CPUTIME_ID;
}

/* The time that is left when @elapsed has passed. One that is overdue expires at once. */
static int64_t advance(int64_t left, int64_t elapsed)
{
    if (left == 0 || elapsed <= 0)
        return left;
    return elapsed < left ? left - elapsed : 1;
}

static void start(const struct posix_timer *timer, int64_t elapsed)
{
    int64_t left = is_cpu_clock(timer) ? timer->left_ns : advance(timer->left_ns, elapsed);
    struct itimerspec set = {
        .it_value = {left / CKPT_SECOND_NS, left % CKPT_SECOND_NS},
        .it_interval = {timer->interval_ns / CKPT_SECOND_NS, timer->interval_ns % CKPT_SECOND_NS},
    };

    if (left && !timer->dead)
        set_timer(timer->number, 0, &set, NULL);
}

static long make_again(const struct ckpt_park *park, const struct posix_timer *timer, bool choose)
{
    int clock = timer->clock < 0 ? OWN_PROCESS | (timer->clock & WHICH) : timer->clock;
    struct sigevent event;

    if (timer->clock_thread != NO_SLOT)
        clock = thread_clock(tid_of(park, timer->clock_thread), timer->clock);
    fill_event(park, timer, &event);
    return create(timer, clock, &event, choose);
}

/* The next timer after @number in ascending order, which the older way to make them needs. */
static const struct posix_timer *next_after(int number)
{
    const struct posix_timer *next = NULL;

    for (uint32_t i = 0; i < saved.count; i++)
        if (saved.timers[i].number > number && (!next || saved.timers[i].number < next->number))
            next = &saved.timers[i];
    return next;
}

static void restore_posix_timers(const struct ckpt_park *park, struct ckpt_report *warnings)
{
    bool choose = ckpt_sys_prctl(CHOOSE_NUMBERS, 1, 0, 0, 0) == 0;
    const struct posix_timer *timer;

    for (int last = -1; (timer = next_after(last)); last = timer->number) {
        long failed = make_again(park, timer, choose);

        if (failed < 0)
            ckpt_report_add(warnings, "warning", "POSIX timer %d cannot be made again: %s",
                            timer->number, ckpt_raw_errno((int)-failed));
        else
            start(timer, park->elapsed_ns);
    }
    if (choose)
        ckpt_sys_prctl(CHOOSE_NUMBERS, 0, 0, 0, 0);
}

static void restore_interval(int which, int64_t elapsed)
{
    struct itimerval set = saved.intervals[which];
    struct timespec value = {set.it_value.tv_sec, set.it_value.tv_usec * 1000};
    int64_t left = in_ns(&value);

    if (left && which == ITIMER_REAL) {
        left = advance(left, elapsed) + 999;
        set.it_value.tv_sec = left / CKPT_SECOND_NS;
        set.it_value.tv_usec = left % CKPT_SECOND_NS / 1000;
    }
    if (left)
        ckpt_syscall(SYS_setitimer, which, &set, NULL, 0, 0, 0);
}

void ckpt_process_timers_restore(const struct ckpt_park *park, struct ckpt_report *warnings)
{
    if (saved.count)
        restore_posix_timers(park, warnings);
    for (int i = 0; i < 3; i++)
        restore_interval(i, park->elapsed_ns);
}
