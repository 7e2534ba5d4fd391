/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Limits are inherited, and those of the command that restores are meant for the restored process.
 * But a limit that the application has set is part of its state. It is one that differs from what
 * the process was started with: from the process's own limits if the agent was loaded at the start,
 * else from those of its parent process, which the JVM inherited unless someone set others between
 * (`ulimit` in a script, a service manager). The soft limit on open files is set by the command,
 * before it opens them (plan.c), because the JVM itself raises it at its start.
 *
 * They are set at the end of a restore, when all memory is mapped and all threads run: a limit that
 * the process has reached would not let it be made.
 */
#include "engine/parked/resource_limits.h"

#include <stdint.h>
#include <sys/resource.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/report.h"

/* The lines of /proc/PID/limits, and the names of the limits, in the order of their numbers. */
static const struct {
    const char *line, *name;
} words[RLIM_NLIMITS] = {
    {"Max cpu time", "CPU"},
    {"Max file size", "FSIZE"},
    {"Max data size", "DATA"},
    {"Max stack size", "STACK"},
    {"Max core file size", "CORE"},
    {"Max resident set", "RSS"},
    {"Max processes", "NPROC"},
    {"Max open files", "NOFILE"},
    {"Max locked memory", "MEMLOCK"},
    {"Max address space", "AS"},
    {"Max file locks", "LOCKS"},
    {"Max pending signals", "SIGPENDING"},
    {"Max msgqueue size", "MSGQUEUE"},
    {"Max nice priority", "NICE"},
    {"Max realtime priority", "RTPRIO"},
    {"Max realtime timeout", "RTTIME"},
};

struct limit {
    uint64_t soft, hard; /* as the kernel has them: all ones is "unlimited" */
};

/* Static, so that they are in the image. */
static struct limit inherited[RLIM_NLIMITS], saved[RLIM_NLIMITS];

static bool get(int which, struct limit *ret)
{
    return ckpt_syscall(SYS_prlimit64, 0, which, NULL, ret, 0, 0) == 0;
}

static void get_all(struct limit *to)
{
    for (int i = 0; i < RLIM_NLIMITS; i++)
        get(i, &to[i]);
}

static uint64_t read_value(const char **at)
{
    ckpt_raw_blanks(at);
    if (!ckpt_raw_starts(*at, "unlimited"))
        return ckpt_raw_number(at, 10);
    *at += sizeof "unlimited" - 1;
    return ~0ull;
}

/*
 * The limits of the parent, of which those of the process are the ones at its start. Only a lower
 * hard limit can be the application's own, unless it is privileged.
 */
static void take_those_of_parent(void)
{
    char path[64], text[4096];

    ckpt_raw_format(path, sizeof path, "/proc/%ld/limits",
                    ckpt_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0));
    if (ckpt_raw_read_file(path, text, sizeof text) <= 0)
        return;
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        const char *at = ckpt_raw_find(text, words[i].line);
        struct limit parents;

        if (!at)
            continue;
        at += ckpt_raw_length(words[i].line);
        parents.soft = read_value(&at);
        parents.hard = read_value(&at);
        inherited[i].soft = parents.soft;
        if (parents.hard > inherited[i].hard)
            inherited[i].hard = parents.hard;
    }
}

void ckpt_resource_limits_note_inherited(bool late)
{
    get_all(inherited);
    if (late)
        take_those_of_parent();
}

void ckpt_resource_limits_record(void)
{
    get_all(saved);
}

/* ---- in the restored process ---- */

static bool changed_soft(int which)
{
    return which != RLIMIT_NOFILE && saved[which].soft != inherited[which].soft;
}

static bool changed_hard(int which)
{
    return saved[which].hard != inherited[which].hard;
}

static bool set(int which, struct limit limit)
{
    return ckpt_syscall(SYS_prlimit64, 0, which, &limit, NULL, 0, 0) == 0;
}

/* Set one limit, as far as it is allowed; false: not all of it. */
static bool restore(int which, struct limit now)
{
    bool own_soft = changed_soft(which);
    struct limit wanted = {.soft = own_soft ? saved[which].soft : now.soft,
                           .hard = changed_hard(which) ? saved[which].hard : now.hard};

    if (!own_soft && wanted.soft > wanted.hard)
        wanted.soft = wanted.hard;
    if (wanted.soft <= wanted.hard && set(which, wanted))
        return true;
    if (wanted.hard > now.hard)
        wanted.hard = now.hard;
    if (wanted.soft > wanted.hard)
        wanted.soft = wanted.hard;
    set(which, wanted);
    return false;
}

void ckpt_resource_limits_restore(struct ckpt_report *warnings)
{
    char text[256] = "";
    size_t length = 0;

    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct limit now;

        if (!get(i, &now))
            continue;
        if ((changed_soft(i) || changed_hard(i)) && !restore(i, now))
            length += ckpt_raw_format(text + length, sizeof text - length, "%sRLIMIT_%s",
                                      length ? ", " : "", words[i].name);
        inherited[i] = now;
    }
    if (length)
        ckpt_report_add(warnings, "warning",
                        "limits that the application has set are lower than at the checkpoint "
                        "(%s); raise the hard limits of 'restore' (ulimit -H)",
                        text);
}
