/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Locks on files: POSIX record locks, which FileChannel.lock() takes, flock(), locks of open file
 * descriptions, and leases.  The kernel lists in fdinfo the locks that were taken through an open
 * file. A checkpoint saves them in the bytes of its descriptor, and a restore takes them again when
 * all descriptors are at their numbers.
 *
 * POSIX locks belong to the process. At a restore that is the command's process, which becomes the
 * JVM.  But a process loses all its POSIX locks on a file when it closes any descriptor of that
 * file.  So a locked file must have no other descriptors than those of the image; if it is mapped
 * too, it is mapped by one of these.
 */
#include "engine/builtin/fd/file_locks.h"

#include <errno.h>
#include <sys/file.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/live_fd.h"

#define TRIES 3
#define DESCRIBED 4 /* a description names at most so many locks of a descriptor */

enum lock_type { POSIX_LOCK = 1, FLOCK_LOCK, OFD_LOCK, LEASE_LOCK };

struct lock {
    uint32_t type, exclusive;
    uint64_t start, length; /* length 0: to the end, even if the file grows; flock(): both 0 */
};

/* ---- freezing ---- */

static const char *word(const char **text, char *ret, size_t size)
{
    size_t length = 0;

    ckpt_raw_blanks(text);
    for (; **text && **text != ' ' && **text != '\t'; (*text)++)
        if (length + 1 < size)
            ret[length++] = **text;
    ret[length] = '\0';
    return ret;
}

/*
 * Parse a line such as "lock:\t1: POSIX  ADVISORY  WRITE 359 00:13:11691 0 EOF".
 * Returns whether the lock is of a kind that can be taken again; @ret_kind is set in any case.
 */
static bool parse(const char *line, struct lock *ret, char *ret_kind, size_t size)
{
    char text[64];
    uint64_t end;

    *ret = (struct lock){.type = 0};
    line += sizeof "lock:" - 1;
    word(&line, text, sizeof text); /* its number in this list */
    word(&line, ret_kind, size);
    word(&line, text, sizeof text); /* advisory, or the state of a lease */
    if (ckpt_raw_equal(text, "BREAKING") || ckpt_raw_equal(text, "BREAKER"))
        return false;
    ret->exclusive = ckpt_raw_equal(word(&line, text, sizeof text), "WRITE");
    if (!ret->exclusive && !ckpt_raw_equal(text, "READ"))
        return false;
    word(&line, text, sizeof text); /* PID */
    word(&line, text, sizeof text); /* device and inode */
    ckpt_raw_blanks(&line);
    ret->start = ckpt_raw_number(&line, 10);
    ckpt_raw_blanks(&line);
    if (*line != 'E') {
        end = ckpt_raw_number(&line, 10);
        ret->length = end - ret->start + 1;
    }
    ret->type = ckpt_raw_equal(ret_kind, "POSIX")    ? POSIX_LOCK
                : ckpt_raw_equal(ret_kind, "FLOCK")  ? FLOCK_LOCK
                : ckpt_raw_equal(ret_kind, "OFDLCK") ? OFD_LOCK
                : ckpt_raw_equal(ret_kind, "LEASE")  ? LEASE_LOCK
                                                     : 0;
    return ret->type != 0;
}

struct lock_list {
    struct ckpt_gather *gather;
    const struct ckpt_live_fd *live;
    struct ckpt_array locks;
    struct ckpt_error *error;
};

static int add_lock(void *context, const char *line)
{
    struct lock_list *list = context;
    struct lock lock, *added;
    char kind[16];

    if (!ckpt_raw_starts(line, "lock:"))
        return 0;
    if (!parse(line, &lock, kind, sizeof kind)) {
        ckpt_report_refuse(
            list->gather->report, "file", "give it up in a beforeCheckpoint hook",
            "descriptor %d is '%s' and has a lock of the kind %s, which cannot be taken again",
            list->live->number, list->live->link, kind);
        return 0;
    }
    added = ckpt_array_add(&list->locks, &list->gather->scratch, 1, list->error);
    if (!added)
        return -1;
    *added = lock;
    return 0;
}

int ckpt_file_locks_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                           struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct lock_list list = {.gather = gather, .live = live, .error = error};

    if (!ckpt_raw_find(live->info, "\nlock:"))
        return 0;
    ckpt_array_init(&list.locks, sizeof(struct lock));
    if (ckpt_live_fd_info_lines(gather, live, add_lock, &list, error) < 0)
        return -1;
    if (list.locks.count == 0)
        return 0;
    return ckpt_tables_pool(&gather->tables, list.locks.data,
                            list.locks.count * sizeof(struct lock), &entry->data, error);
}

bool ckpt_file_locks_have_write_lease(const struct ckpt_gather *gather,
                                      const struct ckpt_image_fd *entry)
{
    const struct lock *locks = (const void *)ckpt_tables_text(&gather->tables, entry->data);

    for (size_t i = 0; i < entry->data.size / sizeof *locks; i++)
        if (locks[i].type == LEASE_LOCK && locks[i].exclusive)
            return true;
    return false;
}

/* ---- in the image ---- */

static const struct lock *locks_of(const struct ckpt_image_view *image,
                                   const struct ckpt_image_fd *entry, size_t *ret_count)
{
    *ret_count = entry->data.size / sizeof(struct lock);
    return (const struct lock *)ckpt_view_text(image, entry->data);
}

bool ckpt_file_locks_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    size_t count;
    const struct lock *locks = locks_of(image, entry, &count);

    if (entry->data.size % sizeof *locks)
        return false;
    for (size_t i = 0; i < count; i++)
        if (locks[i].type < POSIX_LOCK || locks[i].type > LEASE_LOCK || locks[i].exclusive > 1 ||
            locks[i].start > INT64_MAX || locks[i].length > INT64_MAX - locks[i].start)
            return false;
    return true;
}

void ckpt_file_locks_describe(const struct ckpt_image_view *image,
                              const struct ckpt_image_fd *entry, char *text, size_t size)
{
    static const char *const names[] = {"", "", " (flock)", " (of the open file)", " (a lease)"};
    size_t count, length = 0;
    const struct lock *locks = locks_of(image, entry, &count);

    *text = '\0';
    for (size_t i = 0; i < count && i < DESCRIBED; i++) {
        const struct lock *lock = &locks[i];

        length += ckpt_raw_format(text + length, size - length, ", %s lock%s",
                                  lock->exclusive ? "exclusive" : "shared", names[lock->type]);
        if (lock->length)
            length += ckpt_raw_format(text + length, size - length, " on %lu to %lu",
                                      (unsigned long)lock->start,
                                      (unsigned long)(lock->start + lock->length - 1));
        else if (lock->start)
            length += ckpt_raw_format(text + length, size - length, " from %lu on",
                                      (unsigned long)lock->start);
    }
    if (count > DESCRIBED)
        ckpt_raw_format(text + length, size - length, ", and %lu more locks",
                        (unsigned long)(count - DESCRIBED));
}

/* ---- thawing ---- */

/* A descriptor of the image that can map the file like a descriptor opened with @access, or -1. */
static int find_mapper(const struct ckpt_image_view *image, const struct stat *file, long access)
{
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_image_fd *fd = &image->fds[i];
        uint32_t has = fd->open_flags & O_ACCMODE;
        struct stat status;

        if (ckpt_fd_file(image, fd) && !(fd->open_flags & O_PATH) &&
            (has == O_RDWR || (has == O_RDONLY && access == O_RDONLY)) &&
            ckpt_sys_fstat(fd->number, &status) == 0 && status.st_dev == file->st_dev &&
            status.st_ino == file->st_ino)
            return fd->number;
    }
    return -1;
}

/*
 * Close the descriptors in @file_fds of the file that is open at @number, and replace them by a
 * descriptor of the image.
 */
static int close_others(const struct ckpt_image_view *image, int number, int *file_fds,
                        struct ckpt_error *error)
{
    struct stat locked, status;

    if (ckpt_sys_fstat(number, &locked) < 0)
        return 0;
    for (size_t i = 0; i < image->file_count; i++) {
        int mapper;

        if (file_fds[i] < 0 || ckpt_sys_fstat(file_fds[i], &status) < 0 ||
            status.st_dev != locked.st_dev || status.st_ino != locked.st_ino)
            continue;
        mapper = find_mapper(image, &locked, ckpt_sys_fcntl(file_fds[i], F_GETFL, 0) & O_ACCMODE);
        if (mapper == file_fds[i])
            continue;
        if (mapper < 0)
            return ckpt_error_set(error, 0,
                                  "'%s' was locked and mapped, and no descriptor is left by which "
                                  "it can be mapped again; unmap it in a beforeCheckpoint hook",
                                  ckpt_view_text(image, image->files[i].path));
        ckpt_sys_close(file_fds[i]);
        file_fds[i] = mapper;
    }
    return 0;
}

static int refuse(const char *path, int64_t pid, struct ckpt_error *error)
{
    char who[32] = "another process";

    if (pid > 0)
        ckpt_raw_format(who, sizeof who, "process %ld", (long)pid);
    return ckpt_error_set(error, 0,
                          "'%s' is locked by %s; the JVM held a lock on it, so restore it after "
                          "that process has ended",
                          path, who);
}

static int take_record(const struct lock *lock, int fd, const char *path, struct ckpt_error *error)
{
    bool ofd = lock->type == OFD_LOCK;
    int64_t holder = 0;

    for (int try = 0; try < TRIES; try++) {
        struct flock wanted = {.l_type = lock->exclusive ? F_WRLCK : F_RDLCK,
                               .l_whence = SEEK_SET,
                               .l_start = (int64_t)lock->start,
                               .l_len = (int64_t)lock->length};
        long failed = ckpt_sys_fcntl(fd, ofd ? F_OFD_SETLK : F_SETLK, (long)&wanted);

        if (failed == 0)
            return 0;
        if (failed != -EAGAIN && failed != -EACCES)
            return ckpt_error_set(error, (int)-failed, "cannot lock '%s' again", path);
        if (ckpt_sys_fcntl(fd, ofd ? F_OFD_GETLK : F_GETLK, (long)&wanted) == 0 &&
            wanted.l_type != F_UNLCK) {
            holder = wanted.l_pid;
            break;
        }
    }
    return refuse(path, holder, error);
}

/* A lease is given only while no other process has the file open in a way that would break it. */
static int take_lease(const struct lock *lock, int fd, const char *path, struct ckpt_error *error)
{
    long failed = ckpt_sys_fcntl(fd, F_SETLEASE, lock->exclusive ? F_WRLCK : F_RDLCK);

    if (failed == -EAGAIN)
        return ckpt_error_set(error, 0,
                              "the JVM had a lease on '%s', and another process has it open now; "
                              "restore it after that process has closed it",
                              path);
    return failed < 0
               ? ckpt_error_set(error, (int)-failed, "cannot get the lease on '%s' again", path)
               : 0;
}

static int take(const struct lock *lock, int fd, const char *path, struct ckpt_error *error)
{
    long failed;

    if (lock->type == LEASE_LOCK)
        return take_lease(lock, fd, path, error);
    if (lock->type != FLOCK_LOCK)
        return take_record(lock, fd, path, error);
    failed =
        ckpt_syscall(SYS_flock, fd, (lock->exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB, 0, 0, 0, 0);
    if (failed == -EAGAIN)
        return refuse(path, 0, error);
    return failed < 0 ? ckpt_error_set(error, (int)-failed, "cannot lock '%s' again", path) : 0;
}

static bool is_locked(const struct ckpt_image_fd *entry)
{
    return entry->same_as == CKPT_NONE && entry->data.size && ckpt_fd_row(entry->kind)->has_locks;
}

/*
 * Whether the lock could be taken.  flock() and leases can only be tested by taking them, so they
 * are given up at once.
 */
static int test_lock(const struct lock *lock, int fd, const char *path, struct ckpt_error *error)
{
    struct flock wanted = {.l_type = lock->exclusive ? F_WRLCK : F_RDLCK,
                           .l_whence = SEEK_SET,
                           .l_start = (int64_t)lock->start,
                           .l_len = (int64_t)lock->length};

    if (lock->type == FLOCK_LOCK || lock->type == LEASE_LOCK) {
        if (take(lock, fd, path, error) < 0)
            return -1;
        if (lock->type == FLOCK_LOCK)
            ckpt_syscall(SYS_flock, fd, LOCK_UN, 0, 0, 0, 0);
        else
            ckpt_sys_fcntl(fd, F_SETLEASE, F_UNLCK);
        return 0;
    }
    if (ckpt_sys_fcntl(fd, lock->type == OFD_LOCK ? F_OFD_GETLK : F_GETLK, (long)&wanted) == 0 &&
        wanted.l_type != F_UNLCK)
        return refuse(path, wanted.l_pid, error);
    return 0;
}

/* The path of a file, or the name of a memory file. */
static const char *name_of(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct ckpt_image_file *file = ckpt_fd_file(image, entry);

    return ckpt_view_text(image, file ? file->path : image->shared[entry->object].name);
}

int ckpt_file_locks_take(const struct ckpt_fd_thaw *thaw, int *file_fds, struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;

    for (size_t i = 0; i < image->fd_count; i++)
        if (is_locked(&image->fds[i]) &&
            close_others(image, image->fds[i].number, file_fds, error) < 0)
            return -1;
    if (thaw->original_runs) /* the frozen JVM holds them, so no other process does */
        return 0;
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_image_fd *entry = &image->fds[i];
        size_t count = 0;
        const struct lock *locks = is_locked(entry) ? locks_of(image, entry, &count) : NULL;

        for (size_t j = 0; j < count; j++)
            if ((thaw->rehearsal ? test_lock : take)(&locks[j], entry->number,
                                                     name_of(image, entry), error) < 0)
                return ckpt_error_prefix(error, "descriptor %d", entry->number);
    }
    return 0;
}
