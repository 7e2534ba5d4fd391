/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See restorable.h. Each case was seen with criu 4.2.1: the dump succeeds and ends the processes,
 * and every restore fails. Namespaces are in namespaces.c.
 */
#include "engine/criu/command/restorable.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/raw.h"
#include "engine/criu/command/namespaces.h"
#include "engine/criu/command/tree.h"

#define FIELD_SESSION 6 /* of /proc/PID/stat */

struct check {
    pid_t first;
    pid_t wanted; /* by is_wanted() */
    struct ckpt_error *error;
};

/* /proc/PID/stat, or "". */
static void read_stat(pid_t pid, char text[1024])
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (ckpt_raw_read_file(path, text, 1024) <= 0)
        text[0] = '\0';
}

static pid_t session_of(pid_t pid)
{
    char text[1024];

    read_stat(pid, text);
    return *text ? (pid_t)ckpt_raw_stat_field(text, FIELD_SESSION) : 0;
}

static bool has_ended(pid_t pid)
{
    char text[1024];
    const char *end;

    read_stat(pid, text);
    end = strrchr(text, ')');
    return !end || strncmp(end, ") Z", 3) == 0;
}

static bool is_wanted(pid_t pid, void *context)
{
    return pid == ((const struct check *)context)->wanted && !has_ended(pid);
}

/*
 * criu makes the leader of each session before its members, but finds none that has ended, except
 * that of the first process's session. Such members are in the tree if one of it is a subreaper.
 */
static bool lacks_leader(struct check *check, pid_t pid, pid_t *ret_session)
{
    check->wanted = session_of(pid);
    if (!check->wanted || check->wanted == pid || check->wanted == session_of(check->first) ||
        ckpt_criu_tree_any(check->first, is_wanted, check))
        return false;
    *ret_session = check->wanted;
    return true;
}

/* Whether that is the directory of a process: criu records a wrong path for it. */
static bool is_process(const char *target)
{
    const char *number = target + 6;

    return strncmp(target, "/proc/", 6) == 0 && *number &&
           strspn(number, "0123456789") == strlen(number);
}

static bool uses_process(pid_t pid, char target[32])
{
    ckpt_auto_descriptors struct ckpt_descriptors list;
    char path[64];
    ssize_t length;

    ckpt_descriptors_open(&list, pid);
    snprintf(path, sizeof path, "/proc/%d/cwd", pid);
    length = readlink(path, target, 31);
    target[length > 0 ? length : 0] = '\0';
    if (is_process(target))
        return true;
    while (ckpt_descriptors_next(&list))
        if (ckpt_descriptors_link(&list, target, 32) > 0 && is_process(target))
            return true;
    return false;
}

static bool check_process(pid_t pid, void *context)
{
    struct check *check = context;
    char target[32], path[64], name[64];
    pid_t session;

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    if (ckpt_raw_read_file(path, name, sizeof name) <= 0)
        strcpy(name, "?");
    name[strcspn(name, "\n")] = '\0';
    if (lacks_leader(check, pid, &session))
        ckpt_error_set(check->error, 0,
                       "child process %d ('%s') is in a session whose leader, process %d, has "
                       "ended, and criu could not restore it; end it before the checkpoint, or "
                       "start it with 'setsid'",
                       pid, name, session);
    else if (uses_process(pid, target))
        ckpt_error_set(check->error, 0,
                       "process %d ('%s') has the directory '%s' open or as its working directory, "
                       "and criu could not restore it; close or leave it before the checkpoint",
                       pid, name, target);
    else
        return false;
    return true;
}

int ckpt_criu_restorable_check(pid_t pid, struct ckpt_error *error)
{
    struct check check = {.first = pid, .error = error};

    if (ckpt_criu_namespaces_check(pid, error) < 0)
        return -1;
    return ckpt_criu_tree_any(pid, check_process, &check) ? -1 : 0;
}
