/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See keep_logs.h. Owner and mode are those of the file that is gone; criu compares the mode.
 */
#include "engine/criu/drive/keep_logs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "engine/criu/drive/changed_files.h"
#include "engine/log_pattern.h"

static const char *path_of(const json_t *log)
{
    return json_string_value(json_object_get(log, "path"));
}

static json_int_t number(const json_t *log, const char *key)
{
    return json_integer_value(json_object_get(log, key));
}

/* ---- the record ---- */

static bool is_log(const struct ckpt_jvm_offer *offer, const char *path)
{
    const char *at = offer->texts[CKPT_FROZEN_FILES];
    char pattern[PATH_MAX];

    while (ckpt_jvm_offer_next_file(&at, "log", pattern))
        if (ckpt_log_pattern_matches(pattern, path))
            return true;
    return false;
}

static void record(json_t *logs, const struct ckpt_jvm_offer *offer, pid_t pid,
                   const struct ckpt_descriptors *list)
{
    int flags = ckpt_criu_open_flags(pid, list->number);
    char path[PATH_MAX];
    struct stat status;

    if ((flags & (O_ACCMODE | O_PATH)) != O_WRONLY || ckpt_descriptors_status(list, &status) < 0 ||
        !S_ISREG(status.st_mode) || !status.st_nlink ||
        ckpt_descriptors_link(list, path, sizeof path) <= 0 || path[0] != '/')
        return;
    if (is_log(offer, path) && !ckpt_criu_logs_have(logs, path))
        json_array_append_new(logs, json_pack("{ss si sI si si si sb}", "path", path, "fd",
                                              list->number, "size", (json_int_t)status.st_size,
                                              "mode", (int)(status.st_mode & 07777), "uid",
                                              (int)status.st_uid, "gid", (int)status.st_gid,
                                              "append", (flags & O_APPEND) != 0));
}

json_t *ckpt_criu_logs_record(pid_t pid, const struct ckpt_jvm_offer *offer)
{
    json_t *logs = json_array();
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open(&list, pid);
    while (ckpt_descriptors_next(&list))
        record(logs, offer, pid, &list);
    return logs;
}

bool ckpt_criu_logs_have(const json_t *logs, const char *path)
{
    const json_t *log;
    size_t index;

    json_array_foreach(logs, index, log)
    {
        const char *other = path_of(log);

        if (other && strcmp(other, path) == 0)
            return true;
    }
    return false;
}

/* ---- the restore ---- */

static bool is_gone(const json_t *log)
{
    const char *path = path_of(log);

    return path && path[0] == '/' && access(path, F_OK) < 0 && errno == ENOENT;
}

static int cannot_make(const char *path, struct ckpt_error *error)
{
    return ckpt_error_set(error, errno,
                          "the JVM's log '%s' is gone and cannot be made again; make its directory",
                          path);
}

int ckpt_criu_logs_check(const json_t *logs, struct ckpt_error *error)
{
    const json_t *log;
    size_t index;

    json_array_foreach(logs, index, log)
    {
        const char *path = path_of(log);
        char folder[PATH_MAX];

        if (!is_gone(log))
            continue;
        snprintf(folder, sizeof folder, "%.*s/.", (int)(strrchr(path, '/') - path), path);
        if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
            return cannot_make(path, error);
    }
    return 0;
}

/* Make an empty file like the log, with another name. 0 or -1, with errno. */
static int make_file(const json_t *log, const char *name)
{
    ckpt_auto_close int fd =
        open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0)
        return -1;
    /* An ordinary user gets a file of its own, as at the start of a JVM. */
    if (fchown(fd, (uid_t)number(log, "uid"), (gid_t)number(log, "gid")) < 0 && errno != EPERM)
        return -1;
    if (fchmod(fd, (mode_t)number(log, "mode") & 07777) < 0)
        return -1;
    return json_is_true(json_object_get(log, "append")) ? 0
                                                        : ftruncate(fd, (off_t)number(log, "size"));
}

/* Give it its name, unless there is such a file now. Not every file system has links. */
static int give_name(const char *name, const char *path)
{
    if (link(name, path) == 0)
        return unlink(name);
    return errno == EEXIST ? -1 : rename(name, path);
}

/*
 * Several restores of one image at the same time make the same log. So it gets its name when it is
 * complete, and only the first one makes it. 1: made; 0: another restore has made it.
 */
static int make(const json_t *log, struct ckpt_error *error)
{
    const char *path = path_of(log);
    char name[PATH_MAX];
    unsigned long random;
    int failed;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return cannot_make(path, error);
    snprintf(name, sizeof name, "%.*s.%016lx", PATH_MAX - 20, path, random);
    if (make_file(log, name) == 0 && give_name(name, path) == 0)
        return 1;
    failed = errno;
    unlink(name);
    errno = failed;
    return failed == EEXIST ? 0 : cannot_make(path, error);
}

int ckpt_criu_logs_make(json_t *logs, void (*warn)(const char *text), struct ckpt_error *error)
{
    json_t *log;
    size_t index;

    json_array_foreach(logs, index, log)
    {
        char text[PATH_MAX + 64];
        int made;

        if (!is_gone(log))
            continue;
        made = make(log, error);
        if (made < 0)
            return -1;
        if (!made)
            continue;
        json_object_set_new(log, "made", json_true());
        snprintf(text, sizeof text, "the JVM's log '%s' was gone; it begins again", path_of(log));
        if (warn)
            warn(text);
    }
    return 0;
}

static bool was_made(const json_t *log)
{
    return json_is_true(json_object_get(log, "made"));
}

void ckpt_criu_logs_remove(const json_t *logs)
{
    const json_t *log;
    size_t index;

    json_array_foreach(logs, index, log)
    {
        if (was_made(log))
            unlink(path_of(log));
    }
}

/* Without it, as in a container that forbids pidfd_getfd(), the log begins with a hole. */
void ckpt_criu_logs_rewind(const json_t *logs, pid_t jvm)
{
    ckpt_auto_close int pidfd = (int)syscall(SYS_pidfd_open, jvm, 0);
    const json_t *log;
    size_t index;

    json_array_foreach(logs, index, log)
    {
        ckpt_auto_close int fd = -1;
        struct stat open_, named;

        if (pidfd < 0 || !was_made(log) || json_is_true(json_object_get(log, "append")))
            continue;
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)number(log, "fd"), 0);
        if (fd >= 0 && fstat(fd, &open_) == 0 && stat(path_of(log), &named) == 0 &&
            open_.st_dev == named.st_dev && open_.st_ino == named.st_ino && ftruncate(fd, 0) == 0)
            lseek(fd, 0, SEEK_SET);
    }
}
