/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks that the files that were mapped or open have not changed, by size and modification time.
 * Where these differ, the build-id can prove an ELF object to be the same (a reinstalled package, a
 * copied container layer).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/parked/gather.h"
#include "engine/builtin/restore/restore.h"

#define LOG_LOCK ".lck"
#define SUM_PIECE ((size_t)1 << 20)

/* Uses pread(), not a mapping, because the file may be truncated meanwhile. */
static int read_file(const struct ckpt_byte_source *source, void *to, size_t size, uint64_t offset)
{
    return pread(source->fd, to, size, (off_t)offset) == (ssize_t)size ? 0 : -EIO;
}

static bool same_build(int fd, size_t size, const struct ckpt_image_file *file)
{
    struct ckpt_byte_source source = {.read = read_file, .fd = fd, .size = size};
    struct ckpt_image_file now = {.build_id_size = 0};

    if (!file->build_id_size)
        return false;
    ckpt_file_records_build_id(&source, &now);
    return now.build_id_size == file->build_id_size &&
           memcmp(now.build_id, file->build_id, file->build_id_size) == 0;
}

/* Tools that copy container layers keep only whole seconds. */
static bool same_time(const struct timespec *now, const struct ckpt_image_file *file)
{
    return now->tv_sec == file->mtime_s &&
           ((uint32_t)now->tv_nsec == file->mtime_ns || now->tv_nsec == 0 || file->mtime_ns == 0);
}

/* Whether the part of the file that has a checksum in the image is unchanged. */
static bool same_sum(int fd, const struct ckpt_image_file *file)
{
    ckpt_auto_free char *buffer = malloc(SUM_PIECE);
    uint64_t at = 0;
    uint32_t sum = 0;

    while (buffer && at < file->sum_size) {
        uint64_t left = file->sum_size - at;
        ssize_t got = pread(fd, buffer, left < SUM_PIECE ? left : SUM_PIECE, (off_t)at);

        if (got <= 0)
            return false;
        sum = ckpt_raw_crc32c(sum, buffer, (size_t)got);
        at += (uint64_t)got;
    }
    return buffer && sum == file->sum;
}

enum change { SAME, GROWN, CHANGED };

/* Compare a regular file with its record in the image. @fd is a descriptor of it, or -1. */
static enum change compare(const char *path, const struct ckpt_image_file *file, int fd,
                           const struct stat *now)
{
    bool same = (uint64_t)now->st_size == file->size && same_time(&now->st_mtim, file);
    ckpt_auto_close int opened = -1;

    if (same && !(file->flags & CKPT_FILE_SUMMED))
        return SAME;
    if (fd < 0)
        fd = opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (same)
        return fd >= 0 && same_sum(fd, file) ? SAME : CHANGED;
    if (fd >= 0 && same_build(fd, (size_t)now->st_size, file))
        return SAME;
    return (file->flags & CKPT_FILE_MAY_GROW) && (uint64_t)now->st_size >= file->size ? GROWN
                                                                                      : CHANGED;
}

static int refuse(const char *path, const struct ckpt_image_file *file, const struct stat *now,
                  struct ckpt_error *error)
{
    if (file->flags & CKPT_FILE_WRITTEN)
        return ckpt_error_set(
            error, 0,
            "'%s' has changed since the checkpoint (%lu bytes then, %lu now, or another time of "
            "change or content), and the JVM, which had it open or mapped for writing, does not "
            "know what was written; put the old file back, take a new checkpoint, or allow it with "
            "--allow-changed-files or a policy (reopen)",
            path, (unsigned long)file->size, (unsigned long)now->st_size);
    return ckpt_error_set(
        error, 0,
        "'%s' has changed since the checkpoint (%lu bytes then, %lu now, or another "
        "time of change); take a new checkpoint",
        path, (unsigned long)file->size, (unsigned long)now->st_size);
}

/*
 * Check one file. Files with CKPT_FILE_MAY_CHANGE, and files that are not regular files, may
 * differ: for them the result is 0, and *ret_change is CHANGED.
 */
static int check(const struct ckpt_image_view *image, const struct ckpt_image_file *file, int fd,
                 enum change *ret_change, struct ckpt_error *error)
{
    const char *path = ckpt_view_text(image, file->path);
    struct stat status;

    *ret_change = CHANGED;
    if ((fd >= 0 ? fstat(fd, &status) : stat(path, &status)) < 0)
        return ckpt_error_set(error, errno, "the JVM used '%s'; put it back where it was", path);
    if ((status.st_mode & S_IFMT) != (file->mode & S_IFMT))
        return ckpt_error_set(error, 0, "'%s' is no longer a file of the same kind", path);
    if ((file->flags & CKPT_FILE_MAY_CHANGE) || !S_ISREG(status.st_mode))
        return 0;
    *ret_change = compare(path, file, fd, &status);
    return *ret_change == CHANGED ? refuse(path, file, &status, error) : 0;
}

int ckpt_identity_check(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                        int fd, struct ckpt_error *error)
{
    enum change change;

    return check(image, file, fd, &change, error);
}

bool ckpt_identity_is_own(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                          int fd)
{
    struct ckpt_error error;
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_uid == geteuid() || status.st_uid == 0) &&
           !(status.st_mode & (S_IWGRP | S_IWOTH)) &&
           ckpt_identity_check(image, file, fd, &error) == 0;
}

/* For each file, the end of its mapped part; NULL: out of memory. */
static uint64_t *mapped_sizes(const struct ckpt_image_view *image)
{
    uint64_t *sizes = calloc(image->file_count + 1, sizeof *sizes);

    for (size_t i = 0; sizes && i < image->map_count; i++) {
        const struct ckpt_image_map *map = &image->maps[i];
        uint64_t end = map->offset + (map->end - map->start);

        if (map->kind == CKPT_MAP_FILE && end > sizes[map->object])
            sizes[map->object] = end;
    }
    return sizes;
}

/*
 * Check that the file still has its mapped part, even if changes are allowed: an access after the
 * end of a mapped file is a bus error.
 */
static int check_mapped(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                        uint64_t needed, int fd, struct ckpt_error *error)
{
    struct stat now;

    if (needed > file->size)
        needed = file->size;
    if (fd < 0 || fstat(fd, &now) < 0 || (uint64_t)now.st_size >= needed)
        return 0;
    return ckpt_error_set(error, 0,
                          "'%s' has only %lu bytes now, and %lu of it were mapped; put the old "
                          "file back, or take a new checkpoint",
                          ckpt_view_text(image, file->path), (unsigned long)now.st_size,
                          (unsigned long)needed);
}

/* Whether the file is open without O_APPEND: the JVM reads or writes at a position of its own. */
static bool has_own_position(const struct ckpt_image_view *image, size_t index)
{
    for (size_t i = 0; i < image->fd_count; i++)
        if (ckpt_fd_file(image, &image->fds[i]) == &image->files[index] &&
            !(image->fds[i].open_flags & O_APPEND))
            return true;
    return false;
}

/* The path by which a descriptor is reopened; "" if it is not reopened by a path. */
static const char *path_of(const struct ckpt_image_view *image, const struct ckpt_image_fd *fd)
{
    const struct ckpt_image_file *file = ckpt_fd_file(image, fd);

    return file && S_ISREG(file->mode) ? ckpt_view_text(image, file->path) : "";
}

/* java.util.logging locks "NAME.lck" for each log NAME that it writes. */
static bool is_log_lock(const struct ckpt_image_view *image, const char *path)
{
    size_t length = strlen(path);

    if (length < sizeof LOG_LOCK || strcmp(path + length - sizeof LOG_LOCK + 1, LOG_LOCK))
        return false;
    length -= sizeof LOG_LOCK - 1;
    for (size_t i = 0; i < image->fd_count; i++)
        if (strncmp(path_of(image, &image->fds[i]), path, length) == 0 &&
            path_of(image, &image->fds[i])[length] == '\0')
            return true;
    return false;
}

/* Whether the file is locked, or open for writing and named like a lock file, as HSQLDB's. */
static bool is_lock(const struct ckpt_image_fd *fd, const char *name)
{
    static const char *const ends[] = {LOG_LOCK, ".lock", "LOCK", "lock"};
    size_t length = strlen(name);

    if (fd->data.size || (fd->open_flags & O_ACCMODE) == O_RDONLY)
        return fd->data.size;
    for (size_t i = 0; i < CKPT_COUNT(ends); i++) {
        size_t end = strlen(ends[i]);

        if (length >= end && strcmp(name + length - end, ends[i]) == 0 &&
            (ends[i][0] == '.' || length == end))
            return true;
    }
    return false;
}

/* Whether @other is the lock file of @path, as "db.lck" of "db.log". */
static bool has_same_stem(const char *path, const char *other)
{
    const char *dot = strrchr(path, '.');

    return dot && strncmp(other, path, (size_t)(dot - path)) == 0 &&
           strcmp(other + (dot - path), LOG_LOCK) == 0;
}

/*
 * Another file in the same folder on which the JVM holds a lock, as databases do; NULL: none. This
 * distinguishes the log of a database, which must not have grown, from a text log, which may:
 * RocksDB writes its write-ahead log like a text log, only at the end. HSQLDB's is open in append
 * mode, as most text logs are, so for these files the names have to match.
 */
static const char *find_folder_lock(const struct ckpt_image_view *image, size_t index)
{
    const char *path = ckpt_view_text(image, image->files[index].path);
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;

    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_image_fd *fd = &image->fds[i];
        const char *other = path_of(image, fd);

        if (*other && fd->object != index && strncmp(other, path, folder) == 0 &&
            !strchr(other + folder, '/') && is_lock(fd, other + folder) &&
            !is_log_lock(image, other) &&
            (has_own_position(image, index) || has_same_stem(path, other)))
            return other;
    }
    return NULL;
}

static int check_grown(const struct ckpt_image_view *image, size_t index,
                       struct ckpt_restore *restore, struct ckpt_error *error)
{
    const char *path = ckpt_view_text(image, image->files[index].path);
    const char *locked = find_folder_lock(image, index);

    if (locked)
        return ckpt_error_set(
            error, 0,
            "'%s' has changed since the checkpoint: it has grown, and is not a text log, because "
            "the JVM has a lock on '%s' next to it, as databases do; the JVM does not know what "
            "was written; put the old file back, take a new checkpoint, or allow it with "
            "--allow-changed-files or a policy (reopen)",
            path, locked);
    if (restore && has_own_position(image, index))
        ckpt_restore_warn(
            restore, "'%s' has grown since the checkpoint; the JVM continues at its new end", path);
    return 0;
}

int ckpt_identity_check_open(const struct ckpt_image_view *image, size_t index,
                             struct ckpt_error *error)
{
    enum change change;

    if (check(image, &image->files[index], -1, &change, error) < 0)
        return -1;
    return change == GROWN ? check_grown(image, index, NULL, error) : 0;
}

/* Mark files that are open or mapped shared: their copy in the image cannot replace them. */
static void mark_needed(const struct ckpt_image_view *image, bool *needed)
{
    for (size_t i = 0; i < image->map_count; i++)
        if (image->maps[i].kind == CKPT_MAP_FILE && (image->maps[i].flags & CKPT_MAP_SHARED_FLAG))
            needed[image->maps[i].object] |=
                !ckpt_copies_suffice(&image->files[image->maps[i].object]);
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_image_file *file = ckpt_fd_file(image, &image->fds[i]);

        if (file && !ckpt_copies_suffice(file))
            needed[image->fds[i].object] = true;
    }
}

int ckpt_identity_check_all(const struct ckpt_image_view *image, const int *fds,
                            struct ckpt_restore *restore, struct ckpt_error *error)
{
    ckpt_auto_free bool *needed = calloc(image->file_count + 1, sizeof *needed);
    ckpt_auto_free uint64_t *mapped = mapped_sizes(image);

    if (!needed || !mapped)
        return ckpt_error_set(error, ENOMEM, "cannot describe the files");
    mark_needed(image, needed);
    for (size_t i = 0; i < image->file_count; i++) {
        const struct ckpt_image_file *file = &image->files[i];
        int fd = fds ? fds[i] : -1;
        enum change change;

        if ((file->flags & CKPT_FILE_MADE_AGAIN) ||
            (!needed[i] && (file->flags & CKPT_FILE_COPIED)) || ckpt_remake_is_missing(image, file))
            continue;
        if (check(image, file, fd, &change, error) < 0 ||
            check_mapped(image, file, mapped[i], fd, error) < 0)
            return -1;
        if (change == GROWN && check_grown(image, i, restore, error) < 0)
            return -1;
    }
    return 0;
}
