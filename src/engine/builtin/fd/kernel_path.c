/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See kernel_path.h.
 */
#include "engine/builtin/fd/kernel_path.h"

#include <errno.h>
#include <linux/magic.h>

#include "base/raw.h"
#include "base/syscall.h"

uint64_t ckpt_kernel_path_own_pid(const char *path, size_t length)
{
    char name[512], text[32];
    const char *at = text;
    long got;

    ckpt_raw_format(name, sizeof name, "%s", path);
    if (length + sizeof "self" > sizeof name)
        return 0;
    __builtin_memcpy(name + length, "self", sizeof "self");
    got = ckpt_sys_readlinkat(AT_FDCWD, name, text, sizeof text - 1);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    return ckpt_raw_number(&at, 10);
}

/*
 * Find the first component of @path that is a number below a /proc. Returns its value, where it
 * begins, the rest after it, and this process's own PID in that /proc.  False if there is none.
 */
static bool find_number(const char *path, size_t *ret_begin, const char **ret_rest,
                        uint64_t *ret_number, uint64_t *ret_own)
{
    for (const char *at = path; *at; at++) {
        const char *end = at + 1;

        if (at[0] != '/' || at[1] < '0' || at[1] > '9')
            continue;
        *ret_number = ckpt_raw_number(&end, 10);
        if (*end && *end != '/')
            continue;
        *ret_begin = (size_t)(at + 1 - path);
        *ret_rest = end;
        *ret_own = ckpt_kernel_path_own_pid(path, *ret_begin);
        if (*ret_own)
            return true;
    }
    return false;
}

/*
 * Whether this process has the thread @tid. Returns 0: it has; -ENOENT: it has not; another error:
 * that cannot be found out.
 */
static long find_thread(const char *path, size_t begin, uint64_t tid)
{
    struct stat status;
    char name[512];

    ckpt_raw_format(name, sizeof name, "%s", path);
    ckpt_raw_format(name + begin, sizeof name - begin, "self/task/%lu", (unsigned long)tid);
    return ckpt_sys_fstatat(AT_FDCWD, name, &status, 0);
}

/*
 * Whether the /proc that is mounted at the first @begin bytes of @path has an entry for @number;
 * also true if that cannot be found out.
 */
static bool has_entry(const char *path, size_t begin, uint64_t number)
{
    struct stat status;
    char name[512];

    ckpt_raw_format(name, sizeof name, "%s", path);
    ckpt_raw_format(name + begin, sizeof name - begin, "%lu", (unsigned long)number);
    return ckpt_sys_fstatat(AT_FDCWD, name, &status, 0) != -ENOENT;
}

/*
 * Fill in @data for a file of a thread, such as "/proc/1/task/2/stat". It gets the path without the
 * TID.
 */
static void set_thread(struct ckpt_kernel_path *data, const char *path, size_t begin,
                       const char *rest, uint64_t tid, uint64_t own)
{
    __builtin_memcpy(data->path, path, begin);
    data->split = (uint32_t)(begin + ckpt_raw_format(data->path + begin, sizeof data->path - begin,
                                                     "self/task/"));
    ckpt_raw_format(data->path + data->split, sizeof data->path - data->split, "%s", rest);
    data->tid = tid == own ? 0 : (uint32_t)tid; /* 0: the leader */
    data->form = find_thread(path, begin, tid) == -ENOENT ? CKPT_KERNEL_ENDED : CKPT_KERNEL_THREAD;
}

/* Fill in @data for a file below /proc, which is open as @fd, or not open if @fd is -1. */
static void describe_proc(struct ckpt_kernel_path *data, const char *path, int fd)
{
    static const char task[] = "/task/";
    uint64_t number, own;
    const char *rest;
    size_t begin;
    char byte;

    ckpt_raw_format(data->path, sizeof data->path, "%s", path);
    data->form = CKPT_KERNEL_MACHINE;
    if (!find_number(path, &begin, &rest, &number, &own))
        return;
    if (fd >= 0 && ckpt_sys_pread(fd, &byte, 1, 0) == -ESRCH) {
        data->form = CKPT_KERNEL_ENDED; /* even if another process has its number now */
    } else if (number == own && ckpt_raw_starts(rest, task)) {
        rest += sizeof task - 1;
        number = ckpt_raw_number(&rest, 10);
        set_thread(data, path, begin, rest, number, own);
    } else if (number == own) {
        ckpt_raw_format(data->path + begin, sizeof data->path - begin, "self%s", rest);
        data->form = CKPT_KERNEL_PROCESS;
    } else if (find_thread(path, begin, number) == 0) { /* /proc/TID exists, but is not listed */
        set_thread(data, path, begin, rest, number, own);
    } else {
        data->form = has_entry(path, begin, number) ? CKPT_KERNEL_FOREIGN : CKPT_KERNEL_ENDED;
    }
}

/*
 * Fill in @data for a namespace, such as net:[4026531840]. It is foreign if this process is not in
 * it.
 */
static void describe_namespace(struct ckpt_kernel_path *data, const struct ckpt_live_fd *live)
{
    const char *colon = ckpt_raw_find(live->link, ":[");
    struct stat own;

    if (live->link[0] == '/' || !colon) {
        ckpt_raw_format(data->path, sizeof data->path, "%s", live->link);
        data->form = CKPT_KERNEL_MACHINE;
        return;
    }
    ckpt_raw_format(data->path, sizeof data->path, "/proc/self/ns/%s", live->link);
    data->path[sizeof "/proc/self/ns/" - 1 + (size_t)(colon - live->link)] = '\0';
    data->form =
        ckpt_sys_fstatat(AT_FDCWD, data->path, &own, 0) == 0 && own.st_ino == live->status.st_ino
            ? CKPT_KERNEL_PROCESS
            : CKPT_KERNEL_FOREIGN;
}

/*
 * Call @accept for each cgroup of the process, from lines "N:CONTROLLERS:/PATH" of
 * /proc/self/cgroup, until it returns true.
 */
static bool find_cgroup(bool (*accept)(void *context, const char *controllers, const char *path),
                        void *context)
{
    struct ckpt_raw_lines lines;
    const char *line;
    bool found = false;
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/cgroup", O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return false;
    ckpt_raw_lines_init(&lines, (int)fd);
    while (!found && (line = ckpt_raw_lines_next(&lines))) {
        char controllers[sizeof((struct ckpt_kernel_path *)0)->controllers];
        const char *first = ckpt_raw_find(line, ":");
        const char *second = first ? ckpt_raw_find(first + 1, ":") : NULL;

        if (!second || (size_t)(second - first) > sizeof controllers)
            continue;
        __builtin_memcpy(controllers, first + 1, (size_t)(second - first - 1));
        controllers[second - first - 1] = '\0';
        found = accept(context, controllers, second + 1);
    }
    ckpt_sys_close((int)fd);
    return found;
}

static bool contains_cgroup(void *context, const char *controllers, const char *path)
{
    struct ckpt_kernel_path *data = context;
    size_t length = ckpt_raw_length(path);
    const char *at = length > 1 ? ckpt_raw_find(data->path, path) : NULL;

    if (!at || (at[length] && at[length] != '/'))
        return false;
    data->form = CKPT_KERNEL_CGROUP;
    data->split = (uint32_t)(at - data->path);
    data->length = (uint32_t)length;
    ckpt_raw_format(data->controllers, sizeof data->controllers, "%s", controllers);
    return true;
}

void ckpt_kernel_path_of(struct ckpt_kernel_path *data, const struct ckpt_live_fd *live)
{
    uint64_t type = live->file_system;

    if (ckpt_live_fd_is_deleted(live)) {
        ckpt_raw_format(data->path, sizeof data->path, "%s", live->link);
        data->form = CKPT_KERNEL_ENDED;
    } else if (type == PROC_SUPER_MAGIC) {
        describe_proc(data, live->link, live->number);
    } else if (type == NSFS_MAGIC) {
        describe_namespace(data, live);
    } else {
        ckpt_raw_format(data->path, sizeof data->path, "%s", live->link);
        data->form = CKPT_KERNEL_MACHINE;
        if (type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC)
            find_cgroup(contains_cgroup, data);
    }
}

int ckpt_kernel_path_restored(const char *path, char *ret, size_t size)
{
    struct ckpt_kernel_path data = {.form = 0};

    describe_proc(&data, path, -1);
    if (data.form == CKPT_KERNEL_PROCESS)
        ckpt_raw_format(ret, size, "%s", data.path);
    else if (data.form == CKPT_KERNEL_THREAD && !data.tid) /* the command has only its leader */
        ckpt_raw_format(ret, size, "/proc/thread-self%s", data.path + data.split);
    else if (data.form == CKPT_KERNEL_MACHINE)
        ckpt_raw_format(ret, size, "%s", path);
    else
        return -1;
    return 0;
}

/* ---- in the restored process ---- */

struct cgroup {
    const struct ckpt_kernel_path *data;
    char *path;
    size_t size;
};

static bool is_same_hierarchy(void *context, const char *controllers, const char *path)
{
    struct cgroup *cgroup = context;
    const struct ckpt_kernel_path *data = cgroup->data;
    size_t length;

    if (!ckpt_raw_equal(controllers, data->controllers))
        return false;
    __builtin_memcpy(cgroup->path, data->path, data->split);
    length = data->split + ckpt_raw_format(cgroup->path + data->split, cgroup->size - data->split,
                                           "%s", ckpt_raw_equal(path, "/") ? "" : path);
    ckpt_raw_format(cgroup->path + length, cgroup->size - length, "%s",
                    data->path + data->split + data->length);
    return true;
}

bool ckpt_kernel_path_cgroup(const struct ckpt_kernel_path *data, char *ret, size_t size)
{
    struct cgroup cgroup = {.data = data, .path = ret, .size = size};

    return find_cgroup(is_same_hierarchy, &cgroup);
}
