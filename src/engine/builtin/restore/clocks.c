/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Makes the monotonic and boot-time clocks continue from their values in the image, in a time
 * namespace. A process with one thread can enter it by setns(), without an exec. The
 * process has no restrictions there.
 *
 * A time namespace needs CAP_SYS_ADMIN. An ordinary user gets it in a new user namespace that maps
 * only that user, whose capabilities are dropped at once. But there chgrp to supplementary groups
 * fails, files of other users have no owner, and root cannot attach to the JVM, so this is done
 * only for --time=namespace. By default the agent corrects the JVM's clock calls instead
 * (hotspot/clock_calls.c), if it found them at the checkpoint. Otherwise the process sees the
 * machine's clock. If that is ahead, overdue timers fire at once; it must not be behind, because
 * sleeping threads would then wake far too late.
 *
 * With --time=elapsed the clocks continue at the value that they would have if the process had not
 * been frozen. How long that was is known from the wall clock, which also holds on another machine
 * and after a reboot. Where the machine's own clocks show that value, they are left as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/raw.h"
#include "engine/builtin/restore/restore.h"

/* how far the machine's clocks may be from the wall clock to count as right with --time=elapsed */
#define CLOSE_NS CKPT_SECOND_NS

static int write_file(const char *path, const char *text)
{
    ckpt_auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* The present offset of the clock @name ("monotonic", "boottime") in @offsets, in nanoseconds. */
static int64_t current_offset(const char *offsets, const char *name)
{
    const char *at = strstr(offsets, name);
    long long seconds, nanoseconds;

    if (!at || sscanf(at + strlen(name), "%lld %lld", &seconds, &nanoseconds) != 2)
        return 0;
    return seconds * CKPT_SECOND_NS + nanoseconds;
}

static int offset_line(char *text, size_t size, const char *name, int64_t offset)
{
    int64_t seconds = offset / CKPT_SECOND_NS;
    int64_t rest = offset % CKPT_SECOND_NS;

    if (rest < 0) {
        rest += CKPT_SECOND_NS;
        seconds--;
    }
    return snprintf(text, size, "%s %lld %lld\n", name, (long long)seconds, (long long)rest);
}

static void drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    syscall(SYS_capset, &head, none);
}

/* Enter a user namespace with the same user and group. Returns 0, -1 or -2 as enter_namespace(). */
static int enter_user_namespace(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char text[64];

    if (unshare(CLONE_NEWUSER | CLONE_NEWTIME) < 0)
        return -1;
    write_file("/proc/self/setgroups", "deny");
    snprintf(text, sizeof text, "%u %u 1\n", uid, uid);
    if (write_file("/proc/self/uid_map", text) < 0)
        return -2;
    snprintf(text, sizeof text, "%u %u 1\n", gid, gid);
    return write_file("/proc/self/gid_map", text) < 0 ? -2 : 0;
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective | data[1].effective);
}

/*
 * A process cannot leave a user namespace again, so a child tries first: some systems (Ubuntu's
 * AppArmor rules) allow creating one but not writing its maps. A process that has capabilities
 * would lose them there.
 */
static bool may_enter_user_namespace(void)
{
    int status = -1;
    pid_t child;

    if (has_capabilities())
        return false;
    child = fork();
    if (child == 0)
        _exit(enter_user_namespace() != 0);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/*
 * Enter a time namespace. Returns 0; -1: it is not allowed, and nothing was changed; -2: it failed
 * inside a new user namespace, which cannot be undone.
 */
static int enter_namespace(const struct ckpt_restore *restore, bool user_too)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    int64_t monotonic, boottime;
    bool own_user_namespace = false;
    ckpt_auto_close int fd = -1;
    char text[256];
    int result, length;

    length = (int)ckpt_raw_read_file("/proc/self/timens_offsets", text, sizeof text);
    if (length < 0) {
        errno = -length; /* Linux before 5.6, or without CONFIG_TIME_NS */
        return -1;
    }
    monotonic = current_offset(text, "monotonic");
    boottime = current_offset(text, "boottime");
    if (unshare(CLONE_NEWTIME) < 0) {
        result = -1;
        if (errno == EPERM && user_too && may_enter_user_namespace())
            result = enter_user_namespace();
        if (result < 0)
            return result;
        own_user_namespace = true;
    }
    monotonic +=
        restore->elapsed_ns + (int64_t)header->monotonic_ns - ckpt_clock_ns(CLOCK_MONOTONIC);
    boottime += restore->elapsed_ns + (int64_t)header->boottime_ns - ckpt_clock_ns(CLOCK_BOOTTIME);
    length = offset_line(text, sizeof text, "monotonic", monotonic);
    offset_line(text + length, sizeof text - (size_t)length, "boottime", boottime);
    result = write_file("/proc/self/timens_offsets", text);
    fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    if (result != 0 || fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
        result = own_user_namespace ? -2 : -1; /* unshare() alone only affects children */
    if (own_user_namespace)
        drop_capabilities();
    return result;
}

/* Refuses or warns if the machine's monotonic clock, maybe corrected by the agent, is behind. */
static int check_shift(struct ckpt_restore *restore, int failed, struct ckpt_error *error)
{
    int64_t ahead_ns = restore->monotonic_shift_ns + restore->elapsed_ns;
    long long behind = (long long)(-ahead_ns / CKPT_SECOND_NS);

    if (ahead_ns >= 0)
        return 0;
    if (restore->request->time == CKPT_TIME_HOST)
        return ckpt_error_set(error, 0,
                              "the machine's monotonic clock is %lld s behind the one in the image "
                              "(another machine, or booted since); restore without --time=host",
                              behind);
    if (!restore->redirect_clock)
        return ckpt_error_set(error, failed,
                              "the machine's monotonic clock is %lld s behind the one in the image "
                              "(another machine, or booted since), and a time namespace is not "
                              "allowed here; restore with --time=namespace, or give the container "
                              "CAP_SYS_ADMIN",
                              behind);
    ckpt_restore_warn(
        restore,
        "the machine's monotonic clock is %lld s behind the one in the image (another "
        "machine, or booted since); Java's clock is corrected, but native libraries "
        "that wait for a moment of the old clock wait too long; restore with "
        "--time=namespace if the application has such libraries",
        behind);
    return 0;
}

/* Set elapsed_ns for --time=elapsed. The wall clock may have been set back: then no time passes. */
static void find_elapsed(struct ckpt_restore *restore)
{
    int64_t elapsed_ns =
        ckpt_clock_ns(CLOCK_REALTIME) - (int64_t)restore->image.view.header->realtime_ns;

    if (restore->request->time != CKPT_TIME_ELAPSED)
        return;
    if (elapsed_ns >= 0)
        restore->elapsed_ns = elapsed_ns;
    else
        ckpt_restore_warn(restore,
                          "the wall clock is %lld s behind the time of the checkpoint; set it, "
                          "because for --time=elapsed no time has passed now",
                          (long long)(-elapsed_ns / CKPT_SECOND_NS));
}

/* Whether this machine's @clock shows about the value that it would have without the freeze. */
static bool shows_elapsed(const struct ckpt_restore *restore, int clock, uint64_t frozen_ns)
{
    int64_t now = ckpt_clock_ns(clock);
    int64_t wrong = now - (int64_t)frozen_ns - restore->elapsed_ns;

    return now >= (int64_t)frozen_ns && wrong > -CLOSE_NS && wrong < CLOSE_NS;
}

/* Whether the clocks of this machine are right without a correction: it was not booted since. */
static bool clocks_are_right(const struct ckpt_restore *restore)
{
    const struct ckpt_image_header *header = restore->image.view.header;

    return restore->request->time == CKPT_TIME_ELAPSED &&
           shows_elapsed(restore, CLOCK_MONOTONIC, header->monotonic_ns) &&
           shows_elapsed(restore, CLOCK_BOOTTIME, header->boottime_ns);
}

/* For --time=elapsed: warn if the process will see another time than has passed. */
static void check_elapsed(struct ckpt_restore *restore)
{
    int64_t wrong = restore->monotonic_shift_ns;

    if (restore->request->time == CKPT_TIME_ELAPSED && !restore->redirect_clock &&
        (wrong <= -CLOSE_NS || wrong >= CLOSE_NS))
        ckpt_restore_warn(restore,
                          "a time namespace is not allowed here, so %lld s have passed for the JVM "
                          "by the machine's clock, and %lld s by the wall clock; give the "
                          "container CAP_SYS_ADMIN for --time=elapsed",
                          (long long)((wrong + restore->elapsed_ns) / CKPT_SECOND_NS),
                          (long long)(restore->elapsed_ns / CKPT_SECOND_NS));
}

int ckpt_time_enter(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    enum ckpt_time_mode mode = restore->request->time;
    int entered = -1, failed = 0;
    bool are_right;

    find_elapsed(restore);
    are_right = clocks_are_right(restore);
    if (mode != CKPT_TIME_HOST && !are_right &&
        (entered = enter_namespace(restore, mode == CKPT_TIME_NAMESPACE)) < 0) {
        failed = errno;
        if (mode == CKPT_TIME_NAMESPACE)
            return ckpt_error_set(
                error, failed,
                "cannot enter a time namespace; restore with --time=host, or give "
                "the container CAP_SYS_ADMIN or user namespaces");
    }
    restore->monotonic_shift_ns =
        ckpt_clock_ns(CLOCK_MONOTONIC) - (int64_t)header->monotonic_ns - restore->elapsed_ns;
    restore->redirect_clock = mode != CKPT_TIME_HOST && mode != CKPT_TIME_NAMESPACE &&
                              entered < 0 && !are_right &&
                              (restore->image.view.agent->flags & CKPT_AGENT_REDIRECTS_CLOCK);
    check_elapsed(restore);
    return check_shift(restore, failed, error);
}
