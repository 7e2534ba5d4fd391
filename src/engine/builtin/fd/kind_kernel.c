/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * Files that the kernel makes up: those of /proc, /sys and cgroups, and namespaces.  HotSpot and
 * the JDK have such files open for an instant at any time.  Size and time of change of these files
 * mean nothing, and the path that /proc/self/fd shows for a file of this process holds its PID.
 * What is kept is therefore what the file is about:
 *
 * - this process, or the cgroup it is in: the new process's own file is opened;
 * - one of its threads: its TID is new, and the thread not there yet when descriptors are opened.
 *   The leader's file holds the place; the restored process exchanges it before any thread is
 *   released (ckpt_fd_kernel_threads());
 * - the machine: opened by the same path;
 * - a thread or process that has ended, a cgroup that was removed: a file of a process that has
 *   ended, every read of which fails as before.
 *
 * The file of another process that is alive is refused: its PID may be anything at the restore.
 */
#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/fd.h"
#include "engine/builtin/parked/park.h"

#define PLACEHOLDER "/dev/null"
#define THREAD_FILES 64

enum form {
    MACHINE = 1, /**< `path` as it is */
    PROCESS,     /**< the same: it goes by way of "self" */
    THREAD,      /**< the thread's number belongs at `split` of `path` */
    CGROUP,      /**< `length` bytes at `split` of `path` are the process's cgroup */
    ENDED,       /**< `path` is for people only */
};

struct kernel_data {
    uint32_t form;
    uint32_t tid;
    uint32_t split, length;
    char path[512];
    char controllers[112]; /**< of the cgroup, as in /proc/self/cgroup */
};
_Static_assert(sizeof(struct kernel_data) == 640, "part of the image's format");

/*
 * Descriptors of threads' files.  Static, so in the image: filled in while parked, used in the
 * restored process.
 */
static struct thread_file {
    int number;
    uint32_t flags;
    uint64_t position;
    struct kernel_data data;
} thread_files[THREAD_FILES];
static size_t thread_file_count;

/* ---- what the file is about ---- */

/* Whether a descriptor is of a file system whose files the kernel makes up. */
static bool is_kernel_made(const struct ckpt_fd_look *look)
{
    static const uint64_t types[] = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,   CGROUP_SUPER_MAGIC,   CGROUP2_SUPER_MAGIC,
        NSFS_MAGIC,       DEBUGFS_MAGIC, SECURITYFS_MAGIC,     SELINUX_MAGIC,
        TRACEFS_MAGIC,    BPF_FS_MAGIC,  RDTGROUP_SUPER_MAGIC,
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i] == look->file_system)
            return true;
    return false;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_fd_look *look)
{
    (void)gather;
    return (S_ISREG(look->status.st_mode) || S_ISDIR(look->status.st_mode) ||
            S_ISLNK(look->status.st_mode)) &&
           is_kernel_made(look);
}

/* The number that /proc mounted at the first @length bytes of @path gives this process, or 0. */
static uint64_t own_number(const char *path, size_t length)
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
 * The first component of @path that is a process's number: *ret_number, where it begins and what
 * comes after it; and this process's own number there.  False if there is none.
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
        *ret_own = own_number(path, *ret_begin);
        if (*ret_own)
            return true;
    }
    return false;
}

/* 0: this process has such a thread; -ENOENT: it has not; another error: that cannot be told. */
static long find_thread(const char *path, size_t begin, uint64_t tid)
{
    struct stat status;
    char name[512];

    ckpt_raw_format(name, sizeof name, "%s", path);
    ckpt_raw_format(name + begin, sizeof name - begin, "self/task/%lu", (unsigned long)tid);
    return ckpt_sys_fstatat(AT_FDCWD, name, &status, 0);
}

/*
 * Whether /proc mounted at the first @begin bytes of @path has an entry of that number, or that
 * cannot be told.
 */
static bool has_entry(const char *path, size_t begin, uint64_t number)
{
    struct stat status;
    char name[512];

    ckpt_raw_format(name, sizeof name, "%s", path);
    ckpt_raw_format(name + begin, sizeof name - begin, "%lu", (unsigned long)number);
    return ckpt_sys_fstatat(AT_FDCWD, name, &status, 0) != -ENOENT;
}

/* "/proc/1/task/2/stat" of thread 2: the path with a gap for another number. */
static void set_thread(struct kernel_data *data, const char *path, size_t begin, const char *rest,
                       uint64_t tid, uint64_t own)
{
    __builtin_memcpy(data->path, path, begin);
    data->split = (uint32_t)(begin + ckpt_raw_format(data->path + begin, sizeof data->path - begin,
                                                     "self/task/"));
    ckpt_raw_format(data->path + data->split, sizeof data->path - data->split, "%s", rest);
    data->tid = tid == own ? 0 : (uint32_t)tid; /* 0: the leader */
    data->form = find_thread(path, begin, tid) == -ENOENT ? ENDED : THREAD;
}

/* A file below /proc, open as @fd or -1; form 0: of another process. */
static void describe_proc(struct kernel_data *data, const char *path, int fd)
{
    static const char task[] = "/task/";
    uint64_t number, own;
    const char *rest;
    size_t begin;
    char byte;

    ckpt_raw_format(data->path, sizeof data->path, "%s", path);
    data->form = MACHINE;
    if (!find_number(path, &begin, &rest, &number, &own))
        return;
    if (fd >= 0 && ckpt_sys_pread(fd, &byte, 1, 0) == -ESRCH) {
        data->form = ENDED; /* its number may be another one's now */
    } else if (number == own && ckpt_raw_starts(rest, task)) {
        rest += sizeof task - 1;
        number = ckpt_raw_number(&rest, 10);
        set_thread(data, path, begin, rest, number, own);
    } else if (number == own) {
        ckpt_raw_format(data->path + begin, sizeof data->path - begin, "self%s", rest);
        data->form = PROCESS;
    } else if (find_thread(path, begin, number) == 0) { /* /proc/TID, which no listing shows */
        set_thread(data, path, begin, rest, number, own);
    } else {
        data->form = has_entry(path, begin, number) ? 0 : ENDED;
    }
}

/* net:[4026531840] and its like; form 0: not the one that this process is in. */
static void describe_namespace(struct kernel_data *data, const struct ckpt_fd_look *look)
{
    const char *colon = ckpt_raw_find(look->link, ":[");
    struct stat own;

    if (look->link[0] == '/' || !colon) {
        ckpt_raw_format(data->path, sizeof data->path, "%s", look->link);
        data->form = MACHINE;
        return;
    }
    ckpt_raw_format(data->path, sizeof data->path, "/proc/self/ns/%s", look->link);
    data->path[sizeof "/proc/self/ns/" - 1 + (size_t)(colon - look->link)] = '\0';
    data->form =
        ckpt_sys_fstatat(AT_FDCWD, data->path, &own, 0) == 0 && own.st_ino == look->status.st_ino
            ? PROCESS
            : 0;
}

/*
 * The process's cgroup in the hierarchy of @controllers (any of them, if that is empty), from a
 * line "N:CONTROLLERS:/PATH" of /proc/self/cgroup: the first one that @accept likes.
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
        char controllers[sizeof((struct kernel_data *)0)->controllers];
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

static bool holds_cgroup(void *context, const char *controllers, const char *path)
{
    struct kernel_data *data = context;
    size_t length = ckpt_raw_length(path);
    const char *at = length > 1 ? ckpt_raw_find(data->path, path) : NULL;

    if (!at || (at[length] && at[length] != '/'))
        return false;
    data->form = CGROUP;
    data->split = (uint32_t)(at - data->path);
    data->length = (uint32_t)length;
    ckpt_raw_format(data->controllers, sizeof data->controllers, "%s", controllers);
    return true;
}

/* form stays 0 where it is of another process or namespace. */
static void describe_file(struct kernel_data *data, const struct ckpt_fd_look *look)
{
    uint64_t type = look->file_system;

    if (ckpt_fd_has_lost_name(look)) {
        ckpt_raw_format(data->path, sizeof data->path, "%s", look->link);
        data->form = ENDED;
    } else if (type == PROC_SUPER_MAGIC) {
        describe_proc(data, look->link, look->number);
    } else if (type == NSFS_MAGIC) {
        describe_namespace(data, look);
    } else {
        ckpt_raw_format(data->path, sizeof data->path, "%s", look->link);
        data->form = MACHINE;
        if (type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC)
            find_cgroup(holds_cgroup, data);
    }
}

int ckpt_fd_kernel_path(const char *path, char *ret, size_t size)
{
    struct kernel_data data = {.form = 0};

    describe_proc(&data, path, -1);
    if (data.form == PROCESS)
        ckpt_raw_format(ret, size, "%s", data.path);
    else if (data.form == THREAD && !data.tid) /* there, the leader is the only thread */
        ckpt_raw_format(ret, size, "/proc/thread-self%s", data.path + data.split);
    else if (data.form == MACHINE)
        ckpt_raw_format(ret, size, "%s", path);
    else
        return -1;
    return 0;
}

/* ---- freezing ---- */

void ckpt_fd_kernel_begin(void)
{
    thread_file_count = 0;
}

static void refuse(struct ckpt_gather *gather, const struct ckpt_fd_look *look, const char *why)
{
    ckpt_report_add(gather->report, "file",
                    "descriptor %d is '%s', %s; close it in a beforeCheckpoint hook, or by a "
                    "policy file",
                    look->number, look->link, why);
}

/* Kept for later; the descriptor's twins have their own places. */
static void note_thread(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                        const struct kernel_data *data)
{
    if (own_number("/proc/", 6) != (uint64_t)ckpt_sys_getpid())
        refuse(gather, look, "a file of a thread, and /proc belongs to another PID namespace");
    else if (gather->parked && thread_file_count == THREAD_FILES)
        refuse(gather, look, "a file of a thread, and too many of these are open");
    else if (gather->parked)
        thread_files[thread_file_count++] = (struct thread_file){
            .number = look->number,
            .flags = look->open_flags & CKPT_FD_KEPT_FLAGS,
            .position = look->position,
            .data = *data,
        };
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct kernel_data data = {.form = 0};

    if (ckpt_raw_length(look->link) >= sizeof data.path) {
        refuse(gather, look, "a path that is too long");
        return 0;
    }
    describe_file(&data, look);
    if (!data.form && !look->reopen) {
        refuse(gather, look,
               look->file_system == NSFS_MAGIC
                   ? "a namespace that the JVM is not in"
                   : "a file of another process, which will not be the same one at the restore");
        return 0;
    }
    if (!data.form)
        data.form = MACHINE;
    if ((look->open_flags & O_ACCMODE) != O_RDONLY && !(look->open_flags & O_PATH) &&
        !look->reopen && ckpt_raw_find(data.path, "pressure")) {
        refuse(gather, look, "which may have a trigger that the kernel does not report");
        return 0;
    }
    if (data.form == THREAD && data.tid)
        note_thread(gather, look, &data);
    return ckpt_tables_pool(&gather->tables, &data, sizeof data, &entry->data, error);
}

/* ---- in the image ---- */

static const struct kernel_data *data_of(const struct ckpt_image_view *image,
                                         const struct ckpt_image_fd *entry)
{
    return (const struct kernel_data *)ckpt_view_text(image, entry->data);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct kernel_data *data = data_of(image, entry);

    return entry->data.size == sizeof *data && data->form >= MACHINE && data->form <= ENDED &&
           !data->path[sizeof data->path - 1] && !data->controllers[sizeof data->controllers - 1] &&
           data->split < sizeof data->path && data->length < sizeof data->path - data->split;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct kernel_data *data = data_of(image, entry);

    if (data->form == ENDED)
        ckpt_raw_format(text, size, "'%s', of what has ended", data->path);
    else if (data->form == THREAD && data->tid)
        ckpt_raw_format(text, size, "'%s' of the thread that was %u", data->path + data->split,
                        data->tid);
    else if (data->form == THREAD)
        ckpt_raw_format(text, size, "'%s' of the first thread", data->path + data->split);
    else
        ckpt_raw_format(text, size, "'%s'%s", data->path,
                        data->form == CGROUP ? ", of the process's cgroup" : "");
}

const char *ckpt_fd_kernel_text(const struct ckpt_image_view *image,
                                const struct ckpt_image_fd *entry)
{
    return data_of(image, entry)->path;
}

/* ---- thawing ---- */

/* Any file of a process that has ended: as before, reading fails. */
static long open_ended(void)
{
    char path[64];
    long child, opened = -ENOENT;

    if (own_number("/proc/", 6) == (uint64_t)ckpt_sys_getpid()) {
        child = ckpt_syscall(SYS_clone, 0, 0, 0, 0, 0, 0); /* without a signal at its end */
        if (child == 0)
            for (;;)
                ckpt_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
        if (child > 0) {
            ckpt_raw_format(path, sizeof path, "/proc/%ld/stat", child);
            opened = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
            while (ckpt_syscall(SYS_wait4, child, NULL, __WALL, NULL, 0, 0) == -EINTR)
                ;
        }
    }
    return opened >= 0 ? opened : ckpt_sys_openat(AT_FDCWD, PLACEHOLDER, O_PATH | O_CLOEXEC, 0);
}

struct cgroup {
    const struct kernel_data *data;
    char *path;
    size_t size;
};

static bool is_same_hierarchy(void *context, const char *controllers, const char *path)
{
    struct cgroup *cgroup = context;
    const struct kernel_data *data = cgroup->data;
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

static void set_position(int fd, const struct ckpt_image_fd *entry)
{
    if (!(entry->open_flags & O_PATH) && entry->position)
        ckpt_sys_lseek(fd, (int64_t)entry->position, SEEK_SET);
}

static long open_file(const struct kernel_data *data, uint32_t flags)
{
    char path[2 * sizeof data->path];
    struct cgroup cgroup = {.data = data, .path = path, .size = sizeof path};
    long opened = -ENOENT;

    if (data->form == ENDED)
        return open_ended();
    ckpt_raw_format(path, sizeof path, "%s", data->path);
    if (data->form == THREAD) /* the leader's, at first */
        ckpt_raw_format(path + data->split, sizeof path - data->split, "%lu%s",
                        (unsigned long)own_number(path, data->split - (sizeof "self/task/" - 1)),
                        data->path + data->split);
    if (data->form == CGROUP && find_cgroup(is_same_hierarchy, &cgroup))
        opened = ckpt_sys_openat(AT_FDCWD, path, (int)flags | O_CLOEXEC | O_NOCTTY, 0);
    if (opened == -ENOENT && data->form == CGROUP)
        ckpt_raw_format(path, sizeof path, "%s", data->path);
    if (opened == -ENOENT)
        opened = ckpt_sys_openat(AT_FDCWD, path, (int)flags | O_CLOEXEC | O_NOCTTY, 0);
    return opened == -ENOENT ? open_ended() : opened;
}

/* What is there only when all descriptors are at their numbers. */
static bool comes_late(const struct kernel_data *data)
{
    return data->form == PROCESS && ckpt_raw_find(data->path, "/self/fdinfo/");
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct kernel_data *data = data_of(thaw->image, entry);
    bool later = comes_late(data) || (thaw->rehearsal && data->form == ENDED);
    long opened = later ? ckpt_sys_openat(AT_FDCWD, PLACEHOLDER, O_PATH | O_CLOEXEC, 0)
                        : open_file(data, entry->open_flags & CKPT_FD_KEPT_FLAGS);

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened,
                              "cannot open '%s' again; close it by a policy file", data->path);
    set_position((int)opened, entry);
    return (int)opened;
}

/* Put @from at @number, which keeps its close-on-exec flag. */
static void exchange(int from, int number)
{
    long cloexec = ckpt_sys_fcntl(number, F_GETFD, 0) & FD_CLOEXEC;

    ckpt_syscall(SYS_dup3, from, number, cloexec ? O_CLOEXEC : 0, 0, 0, 0);
}

static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;
    const struct kernel_data *data = data_of(image, entry);
    long opened;

    if (!comes_late(data))
        return 0;
    opened = open_file(data, entry->open_flags & CKPT_FD_KEPT_FLAGS);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened,
                              "cannot open '%s' again; close it by a policy file", data->path);
    set_position((int)opened, entry);
    exchange((int)opened, entry->number);
    for (size_t i = 0; i < image->fd_count; i++)
        if (image->fds[i].same_as != CKPT_NONE && &image->fds[image->fds[i].same_as] == entry)
            exchange((int)opened, image->fds[i].number);
    ckpt_sys_close((int)opened);
    return 0;
}

/* ---- in the restored process ---- */

/* The TID that was @tid, or 0. */
static uint32_t new_tid(const struct ckpt_park *park, uint32_t tid)
{
    if (park->coordinator.last_tid == tid)
        return park->coordinator.tid;
    for (uint32_t i = 0; i < park->taken; i++)
        if (park->slots[i].last_tid == tid)
            return park->slots[i].tid;
    return 0;
}

void ckpt_fd_kernel_threads(const struct ckpt_park *park)
{
    for (size_t i = 0; i < thread_file_count; i++) {
        const struct thread_file *file = &thread_files[i];
        uint32_t tid = new_tid(park, file->data.tid);
        char path[sizeof file->data.path + 16];
        long opened;

        if (file->number < 0)
            continue;
        ckpt_raw_format(path, sizeof path, "%s", file->data.path);
        ckpt_raw_format(path + file->data.split, sizeof path - file->data.split, "%u%s", tid,
                        file->data.path + file->data.split);
        opened = ckpt_sys_openat(AT_FDCWD, path, (int)file->flags | O_CLOEXEC | O_NOCTTY, 0);
        if (opened < 0)
            opened = open_ended();
        if (opened < 0)
            continue;
        if (!(file->flags & O_PATH) && file->position)
            ckpt_sys_lseek((int)opened, (int64_t)file->position, SEEK_SET);
        for (size_t j = thread_file_count; j-- > i;) /* the twins, which are one open file still */
            if (thread_files[j].number >= 0 &&
                (j == i || ckpt_fd_same_open_file(file->number, thread_files[j].number))) {
                exchange((int)opened, thread_files[j].number);
                thread_files[j].number = -1;
            }
        ckpt_sys_close((int)opened);
    }
    thread_file_count = 0;
}

const struct ckpt_fd_kind_row ckpt_fd_kernel = {
    .kind = CKPT_FD_KERNEL,
    .name = "kernel file",
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
};
