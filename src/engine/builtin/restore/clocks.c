/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Time continues where it stopped: the monotonic and boot-time clocks continue from the image's
 * values in a time namespace.  Entered by setns(), which a process with one thread may do without
 * an exec.  It takes nothing from the process.
 *
 * That needs CAP_SYS_ADMIN.  An ordinary caller gets it in a user namespace that maps only the
 * caller (the capabilities that come with it are dropped at once), but loses there what the kernel
 * cannot express in it: supplementary groups for chgrp, the owners of other users' files, requests
 * by root.  So that is done only for --time=namespace.  By default the agent makes up for the
 * difference as far as the JVM is concerned (hotspot/clock_calls.c), unless it could not find where
 * to. Then the process sees the machine's clock.  That one may be ahead, which makes timers fire
 * late ones at once; it must not be behind, or sleeping threads would not wake for a long time.
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

static int put(const char *path, const char *text)
{
    ckpt_auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* The offset that is in force for @name ("monotonic", "boottime") in @offsets, in nanoseconds. */
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

/* A user namespace in which we are who we were. 0, -1 or -2 as below. */
static int enter_user_namespace(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char text[64];

    if (unshare(CLONE_NEWUSER | CLONE_NEWTIME) < 0)
        return -1;
    put("/proc/self/setgroups", "deny");
    snprintf(text, sizeof text, "%u %u 1\n", uid, uid);
    if (put("/proc/self/uid_map", text) < 0)
        return -2;
    snprintf(text, sizeof text, "%u %u 1\n", gid, gid);
    return put("/proc/self/gid_map", text) < 0 ? -2 : 0;
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective | data[1].effective);
}

/*
 * There is no way back from a user namespace, so a child goes first: some systems (Ubuntu's
 * AppArmor rules) let one be made but not filled in.  And only who has no capabilities loses
 * nothing there.
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

/* 0; -1: not allowed, nothing changed; -2: half-way in, from where there is no way back. */
static int enter_namespace(const struct ckpt_image_header *header, bool user_too)
{
    int64_t monotonic, boottime;
    bool own_user_namespace = false;
    ckpt_auto_close int fd = -1;
    char text[256];
    int result, length;

    length = (int)ckpt_raw_read_file("/proc/self/timens_offsets", text, sizeof text);
    if (length < 0) {
        errno = -length; /* a kernel before 5.6, or without CONFIG_TIME_NS */
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
    monotonic += (int64_t)header->monotonic_ns - ckpt_clock_ns(CLOCK_MONOTONIC);
    boottime += (int64_t)header->boottime_ns - ckpt_clock_ns(CLOCK_BOOTTIME);
    length = offset_line(text, sizeof text, "monotonic", monotonic);
    offset_line(text + length, sizeof text - (size_t)length, "boottime", boottime);
    result = put("/proc/self/timens_offsets", text);
    fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    if (result != 0 || fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
        result = own_user_namespace ? -2 : -1; /* the latter: only children would be concerned */
    if (own_user_namespace)
        drop_capabilities();
    return result;
}

/* Whether the machine's clock can stand in for the image's, as it is or corrected by the agent. */
static int check_shift(struct ckpt_restore *restore, int failed, struct ckpt_error *error)
{
    long long behind = (long long)(-restore->monotonic_shift_ns / CKPT_SECOND_NS);

    if (restore->monotonic_shift_ns >= 0)
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

int ckpt_time_enter(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = restore->image.view.header;
    enum ckpt_time_mode mode = restore->request->time;
    int entered = -1, failed = 0;

    if (mode != CKPT_TIME_HOST &&
        (entered = enter_namespace(header, mode == CKPT_TIME_NAMESPACE)) < 0) {
        failed = errno;
        if (mode == CKPT_TIME_NAMESPACE)
            return ckpt_error_set(
                error, failed,
                "cannot enter a time namespace; restore with --time=host, or give "
                "the container CAP_SYS_ADMIN or user namespaces");
    }
    restore->monotonic_shift_ns = ckpt_clock_ns(CLOCK_MONOTONIC) - (int64_t)header->monotonic_ns;
    restore->redirect_clock = mode == CKPT_TIME_AUTO && entered < 0 &&
                              (restore->image.view.agent->flags & CKPT_AGENT_REDIRECTS_CLOCK);
    return check_shift(restore, failed, error);
}
