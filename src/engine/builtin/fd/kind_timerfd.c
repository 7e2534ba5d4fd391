/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * timerfd: fdinfo has its clock, the remaining time until it expires, and the unread expirations.
 * The remaining time continues after the restore, like the JVM's monotonic clock, which does not
 * advance while the JVM is frozen; with --time=elapsed it has advanced, so timers may have expired.
 * An absolute time of the wall clock stays the same.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"

#define SET_TICKS 0x40085400ul /* TFD_IOC_SET_TICKS, in kernels with CONFIG_CHECKPOINT_RESTORE */

struct timer {
    uint32_t clock, flags; /* flags of timerfd_settime() */
    uint64_t ticks;
    struct {
        int64_t seconds, nanoseconds;
    } value, interval;
};

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, "anon_inode:[timerfd]");
}

/* Parse "(SECONDS, NANOSECONDS)" after the label. */
static bool pair(const char *info, const char *label, int64_t *ret_seconds, int64_t *ret_rest)
{
    const char *at = ckpt_raw_find(info, label);

    while (at && *at && *at != '(' && *at != '\n')
        at++;
    if (!at || *at != '(')
        return false;
    at++;
    *ret_seconds = (int64_t)ckpt_raw_number(&at, 10);
    while (*at == ',' || *at == ' ')
        at++;
    *ret_rest = (int64_t)ckpt_raw_number(&at, 10);
    return *at == ')';
}

/* Whether it is set to an absolute time of the wall clock. */
static bool is_wall_clock_time(const struct timer *timer)
{
    return (timer->flags & TFD_TIMER_ABSTIME) &&
           (timer->clock == CLOCK_REALTIME || timer->clock == CLOCK_REALTIME_ALARM);
}

static bool is_armed(const struct timer *timer)
{
    return timer->value.seconds || timer->value.nanoseconds;
}

static bool parse(const char *info, struct timer *timer)
{
    uint64_t clock, flags;

    if (!ckpt_raw_field(info, "clockid:", 10, &clock) ||
        !ckpt_raw_field(info, "ticks:", 10, &timer->ticks) ||
        !ckpt_raw_field(info, "settime flags:", 8, &flags) ||
        !pair(info, "it_value:", &timer->value.seconds, &timer->value.nanoseconds) ||
        !pair(info, "it_interval:", &timer->interval.seconds, &timer->interval.nanoseconds))
        return false;
    timer->clock = (uint32_t)clock;
    timer->flags = (uint32_t)flags;
    return true;
}

/* Whether it is periodic, and has expired: then it does not run until it is read or looked at. */
static bool is_waiting(const struct timer *timer)
{
    return timer->ticks && !is_armed(timer) &&
           (timer->interval.seconds || timer->interval.nanoseconds);
}

/* timerfd_gettime() makes a waiting timer run again, and counts the expirations until now. */
static bool read_timer(const struct ckpt_live_fd *live, struct timer *timer)
{
    struct itimerspec left;
    char path[64], info[1024];

    if (!parse(live->info, timer))
        return false;
    if (!is_waiting(timer) ||
        ckpt_syscall(SYS_timerfd_gettime, live->number, (long)&left, 0, 0, 0, 0) < 0)
        return true;
    ckpt_raw_format(path, sizeof path, "/proc/self/fdinfo/%d", live->number);
    return ckpt_raw_read_file(path, info, sizeof info) > 0 && parse(info, timer);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct timer timer = {0};

    if (!read_timer(live, &timer)) {
        ckpt_report_refuse(gather->report, "resource", CKPT_CLOSE_IN_HOOK,
                           "descriptor %d is a timerfd whose time the kernel does not report",
                           live->number);
        return 0;
    }
    if (is_wall_clock_time(&timer) && is_armed(&timer)) {
        int64_t now = ckpt_clock_ns(CLOCK_REALTIME);

        timer.value.seconds += now / CKPT_SECOND_NS;
        timer.value.nanoseconds += now % CKPT_SECOND_NS;
        if (timer.value.nanoseconds >= CKPT_SECOND_NS) {
            timer.value.seconds++;
            timer.value.nanoseconds -= CKPT_SECOND_NS;
        }
    }
    return ckpt_tables_pool(&gather->tables, &timer, sizeof timer, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    struct timer timer;

    if (entry->data.size != sizeof timer)
        return false;
    memcpy(&timer, ckpt_view_text(image, entry->data), sizeof timer);
    return timer.value.seconds >= 0 && timer.interval.seconds >= 0 &&
           (uint64_t)timer.value.nanoseconds < CKPT_SECOND_NS &&
           (uint64_t)timer.interval.nanoseconds < CKPT_SECOND_NS && timer.clock <= CLOCK_TAI;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    struct timer timer;

    memcpy(&timer, ckpt_view_text(image, entry->data), sizeof timer);
    ckpt_raw_format(text, size, "clock %u, %s", timer.clock,
                    is_armed(&timer) ? "armed" : "disarmed");
}

static int64_t in_ns(int64_t seconds, int64_t nanoseconds)
{
    int64_t result;

    if (__builtin_mul_overflow(seconds, CKPT_SECOND_NS, &result) ||
        __builtin_add_overflow(result, nanoseconds, &result))
        return INT64_MAX; /* 292 years */
    return result;
}

/* Let @elapsed nanoseconds pass: an armed timer may expire, a periodic one more than once. */
static void advance(struct timer *timer, int64_t elapsed)
{
    int64_t left = in_ns(timer->value.seconds, timer->value.nanoseconds);
    int64_t interval = in_ns(timer->interval.seconds, timer->interval.nanoseconds);

    if (!is_armed(timer) || elapsed <= 0)
        return;
    if (elapsed >= left) {
        timer->ticks += 1 + (interval ? (uint64_t)((elapsed - left) / interval) : 0);
        left = interval ? interval - (elapsed - left) % interval : 0;
    } else {
        left -= elapsed;
    }
    timer->value.seconds = left / CKPT_SECOND_NS;
    timer->value.nanoseconds = left % CKPT_SECOND_NS;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    struct itimerspec set;
    struct timer timer;
    long opened, result = 0;
    uint32_t flags = 0;
    bool waits;

    memcpy(&timer, ckpt_view_text(thaw->image, entry->data), sizeof timer);
    waits = is_waiting(&timer); /* its interval is so short that it has expired again */
    if (waits)
        timer.value = timer.interval;
    opened = ckpt_syscall(SYS_timerfd_create, (long)timer.clock,
                          (entry->open_flags & O_NONBLOCK) | O_CLOEXEC, 0, 0, 0, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a timerfd");
    if (!is_wall_clock_time(&timer))
        advance(&timer, thaw->elapsed_ns);
    else if (!waits)
        flags = timer.flags & (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    set = (struct itimerspec){
        .it_value = {timer.value.seconds, timer.value.nanoseconds},
        .it_interval = {timer.interval.seconds, timer.interval.nanoseconds},
    };
    if (is_armed(&timer))
        result = ckpt_syscall(SYS_timerfd_settime, opened, flags, (long)&set, 0, 0, 0);
    /* If the number of expirations cannot be set, let it expire once. */
    if (result == 0 && timer.ticks &&
        ckpt_syscall(SYS_ioctl, opened, SET_TICKS, (long)&timer.ticks, 0, 0, 0) < 0) {
        set.it_value = (struct timespec){0, 1};
        result = ckpt_syscall(SYS_timerfd_settime, opened, 0, (long)&set, 0, 0, 0);
    }
    if (result == 0)
        return (int)opened;
    ckpt_sys_close((int)opened);
    return ckpt_error_set(error, (int)-result, "cannot set a timerfd");
}

const struct ckpt_fd_kind_row ckpt_kind_timerfd = {
    .number = CKPT_FD_TIMERFD,
    .name = "timerfd",
    .support =
        {
            .object = "of each clock",
            .kept = "clock, time left until it expires (an absolute time of the wall clock "
                    "stays), interval, unread expirations",
            .refused = "on a kernel that does not show its time in fdinfo",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .must_stay_open = true,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
