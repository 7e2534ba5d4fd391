/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Files that the kernel generates: those of /proc, /sys and cgroups, and namespaces.  HotSpot and
 * the JDK open such files for a short time, at any time.  Their size and time of change mean
 * nothing, and the path that /proc/self/fd shows for a file of this process contains its PID.  So
 * an image records what the file is about, and a restore opens a file that is about the same:
 *
 * - this process, or the cgroup it is in: the new process's own file is opened;
 * - one of its threads: it gets a new TID, and does not exist yet when descriptors are opened.  So
 *   the leader's file is opened, and the restored process replaces it before any thread is released
 *   (restored());
 * - the machine: opened by the same path;
 * - a thread or process that has ended, or a cgroup that was removed: a file of a process that has
 *   ended is opened, and each read of it fails as before.
 *
 * The file of another process that is alive is refused, because at the restore that process may
 * have another PID.
 */
#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kernel_path.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/open_files.h"
#include "engine/parked/park.h"

#define PLACEHOLDER "/dev/null"
#define THREAD_FILES 64

/*
 * Descriptors of files below /proc that are about one thread: recorded while parked, and opened
 * again in the restored process for the thread's new TID.  Static, so that they are in the image.
 */
static struct thread_file {
    int number;
    uint32_t flags;
    uint64_t position;
    struct ckpt_kernel_path data;
} thread_files[THREAD_FILES];
static size_t thread_file_count;

/* Whether a descriptor is of a file system whose files the kernel generates. */
static bool is_generated(const struct ckpt_live_fd *live)
{
    static const uint64_t types[] = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,   CGROUP_SUPER_MAGIC,   CGROUP2_SUPER_MAGIC,
        NSFS_MAGIC,       DEBUGFS_MAGIC, SECURITYFS_MAGIC,     SELINUX_MAGIC,
        TRACEFS_MAGIC,    BPF_FS_MAGIC,  RDTGROUP_SUPER_MAGIC,
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i] == live->file_system)
            return true;
    return false;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return (S_ISREG(live->status.st_mode) || S_ISDIR(live->status.st_mode) ||
            S_ISLNK(live->status.st_mode)) &&
           is_generated(live);
}

/* ---- freezing ---- */

static void begin(void)
{
    thread_file_count = 0;
}

static void refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live, const char *why)
{
    ckpt_report_refuse(gather->report, "file", CKPT_CLOSE_IT, "descriptor %d is '%s', %s",
                       live->number, live->link, why);
}

/*
 * Record a file of a thread for restored(); each duplicate of the descriptor gets its own record.
 */
static void note_thread(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                        const struct ckpt_kernel_path *data)
{
    if (ckpt_kernel_path_own_pid("/proc/", 6) != (uint64_t)ckpt_sys_getpid())
        refuse(gather, live, "a file of a thread, and /proc belongs to another PID namespace");
    else if (gather->parked && thread_file_count == THREAD_FILES)
        refuse(gather, live, "a file of a thread, and too many of these are open");
    else if (gather->parked)
        thread_files[thread_file_count++] = (struct thread_file){
            .number = live->number,
            .flags = live->open_flags & CKPT_FD_KEPT_FLAGS,
            .position = live->position,
            .data = *data,
        };
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_kernel_path data = {.form = 0};

    if (ckpt_raw_length(live->link) >= sizeof data.path) {
        refuse(gather, live, "a path that is too long");
        return 0;
    }
    ckpt_kernel_path_of(&data, live);
    if (data.form == CKPT_KERNEL_FOREIGN && !live->reopen) {
        refuse(gather, live,
               live->file_system == NSFS_MAGIC
                   ? "a namespace that the JVM is not in"
                   : "a file of another process, which will not be the same one at the restore");
        return 0;
    }
    if (data.form == CKPT_KERNEL_FOREIGN)
        data.form = CKPT_KERNEL_MACHINE;
    if ((live->open_flags & O_ACCMODE) != O_RDONLY && !(live->open_flags & O_PATH) &&
        !live->reopen && ckpt_raw_find(data.path, "pressure")) {
        refuse(gather, live, "which may have a trigger that the kernel does not report");
        return 0;
    }
    if (data.form == CKPT_KERNEL_THREAD && data.tid)
        note_thread(gather, live, &data);
    return ckpt_tables_pool(&gather->tables, &data, sizeof data, &entry->data, error);
}

/* ---- in the image ---- */

static const struct ckpt_kernel_path *data_of(const struct ckpt_image_view *image,
                                              const struct ckpt_image_fd *entry)
{
    return (const struct ckpt_kernel_path *)ckpt_view_text(image, entry->data);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct ckpt_kernel_path *data = data_of(image, entry);

    return entry->data.size == sizeof *data && data->form >= CKPT_KERNEL_MACHINE &&
           data->form <= CKPT_KERNEL_ENDED && !data->path[sizeof data->path - 1] &&
           !data->controllers[sizeof data->controllers - 1] && data->split < sizeof data->path &&
           data->length < sizeof data->path - data->split;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct ckpt_kernel_path *data = data_of(image, entry);

    if (data->form == CKPT_KERNEL_ENDED)
        ckpt_raw_format(text, size, "'%s', of a process, thread or cgroup that has ended",
                        data->path);
    else if (data->form == CKPT_KERNEL_THREAD && data->tid)
        ckpt_raw_format(text, size, "'%s' of the thread that was %u", data->path + data->split,
                        data->tid);
    else if (data->form == CKPT_KERNEL_THREAD)
        ckpt_raw_format(text, size, "'%s' of the first thread", data->path + data->split);
    else
        ckpt_raw_format(text, size, "'%s'%s", data->path,
                        data->form == CKPT_KERNEL_CGROUP ? ", of the process's cgroup" : "");
}

static const char *path(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return data_of(image, entry)->path;
}

/* ---- thawing ---- */

/* Open a file of a process that has ended, so that reading it fails. */
static long open_ended(void)
{
    char path[64];
    long child, opened = -ENOENT;

    if (ckpt_kernel_path_own_pid("/proc/", 6) == (uint64_t)ckpt_sys_getpid()) {
        child = ckpt_syscall(SYS_clone, 0, 0, 0, 0, 0, 0); /* without an exit signal */
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

static void set_position(int fd, const struct ckpt_image_fd *entry)
{
    if (!(entry->open_flags & O_PATH) && entry->position)
        ckpt_sys_lseek(fd, (int64_t)entry->position, SEEK_SET);
}

static long open_file(const struct ckpt_kernel_path *data, uint32_t flags)
{
    char path[2 * sizeof data->path];
    long opened = -ENOENT;

    if (data->form == CKPT_KERNEL_ENDED)
        return open_ended();
    ckpt_raw_format(path, sizeof path, "%s", data->path);
    if (data->form == CKPT_KERNEL_THREAD) /* the leader's file; restored() replaces it */
        ckpt_raw_format(
            path + data->split, sizeof path - data->split, "%lu%s",
            (unsigned long)ckpt_kernel_path_own_pid(path, data->split - (sizeof "self/task/" - 1)),
            data->path + data->split);
    if (data->form == CKPT_KERNEL_CGROUP && ckpt_kernel_path_cgroup(data, path, sizeof path))
        opened = ckpt_sys_openat(AT_FDCWD, path, (int)flags | O_CLOEXEC | O_NOCTTY, 0);
    if (opened == -ENOENT && data->form == CKPT_KERNEL_CGROUP)
        ckpt_raw_format(path, sizeof path, "%s", data->path);
    if (opened == -ENOENT)
        opened = ckpt_sys_openat(AT_FDCWD, path, (int)flags | O_CLOEXEC | O_NOCTTY, 0);
    return opened == -ENOENT ? open_ended() : opened;
}

/*
 * Whether the file exists only when all descriptors are at their numbers. Below /proc/self/fd that
 * is a link, which is open as a path.
 */
static bool opens_last(const struct ckpt_kernel_path *data)
{
    return data->form == CKPT_KERNEL_PROCESS &&
           (ckpt_raw_find(data->path, "/self/fdinfo/") || ckpt_raw_find(data->path, "/self/fd/"));
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct ckpt_kernel_path *data = data_of(thaw->image, entry);
    bool later = opens_last(data) || (thaw->rehearsal && data->form == CKPT_KERNEL_ENDED);
    long opened = later ? ckpt_sys_openat(AT_FDCWD, PLACEHOLDER, O_PATH | O_CLOEXEC, 0)
                        : open_file(data, entry->open_flags & CKPT_FD_KEPT_FLAGS);

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened,
                              "cannot open '%s' again; close it by a policy file", data->path);
    set_position((int)opened, entry);
    return (int)opened;
}

/* Duplicate @from to @number, which keeps its close-on-exec flag. */
static void replace(int from, int number)
{
    long cloexec = ckpt_sys_fcntl(number, F_GETFD, 0) & FD_CLOEXEC;

    ckpt_syscall(SYS_dup3, from, number, cloexec ? O_CLOEXEC : 0, 0, 0, 0);
}

static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;
    const struct ckpt_kernel_path *data = data_of(image, entry);
    long opened;

    if (!opens_last(data))
        return 0;
    opened = open_file(data, entry->open_flags & CKPT_FD_KEPT_FLAGS);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened,
                              "cannot open '%s' again; close it by a policy file", data->path);
    set_position((int)opened, entry);
    replace((int)opened, entry->number);
    for (size_t i = 0; i < image->fd_count; i++)
        if (image->fds[i].same_as != CKPT_NONE && &image->fds[image->fds[i].same_as] == entry)
            replace((int)opened, image->fds[i].number);
    ckpt_sys_close((int)opened);
    return 0;
}

/* ---- in the restored process ---- */

/* The new TID of the thread whose TID was @tid, or 0. */
static uint32_t new_tid(const struct ckpt_park *park, uint32_t tid)
{
    if (park->coordinator.last_tid == tid)
        return park->coordinator.tid;
    for (uint32_t i = 0; i < park->taken; i++)
        if (park->slots[i].last_tid == tid)
            return park->slots[i].tid;
    return 0;
}

static void restored(const struct ckpt_park *park)
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
        for (size_t j = thread_file_count; j-- > i;) /* its duplicates must stay one open file */
            if (thread_files[j].number >= 0 &&
                (j == i || ckpt_open_files_same(file->number, thread_files[j].number))) {
                replace((int)opened, thread_files[j].number);
                thread_files[j].number = -1;
            }
        ckpt_sys_close((int)opened);
    }
    thread_file_count = 0;
}

const struct ckpt_fd_kind_row ckpt_kind_kernel = {
    .number = CKPT_FD_KERNEL,
    .name = "kernel file",
    .support =
        {
            .object = "files, links and folders of `/proc`, `/sys` and cgroups, and namespaces",
            .kept = "what it is about: the process, a thread, its cgroup, the machine; opened "
                    "again [for the new process](descriptors.md#files-of-proc-and-sys)",
            .refused = "of another process that is alive; a namespace that the JVM is not in; a "
                       "pressure file that may have a trigger; more than 64 files of threads",
        },
    .policy = CKPT_POLICY_FILE,
    .begin = begin,
    .matches = matches,
    .freeze = freeze,
    .restored = restored,
    .valid = valid,
    .describe = describe,
    .path = path,
    .thaw = thaw,
    .finish = finish,
};
