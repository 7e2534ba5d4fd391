/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The freezing side of files whose content is in the image, because a restore may not find them:
 * native libraries that were unpacked at run time, the JVM's temporary files, which the agent finds
 * (engine/builtin/prepare/temporaries.c), and the agent's jar, which the JVM has open.  The first
 * two are deleted when the JVM ends or when directories for temporary files are cleaned; the jar is
 * replaced by an upgrade of checkpointer.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/gather.h"

#define SEEK_DATA_ 3
#define SEEK_HOLE_ 4

static bool is_below(const char *path, const char *directory)
{
    size_t length = directory ? ckpt_raw_length(directory) : 0;

    while (length && directory[length - 1] == '/')
        length--;
    for (size_t i = 0; i < length; i++)
        if (path[i] != directory[i])
            return false;
    return length && path[length] == '/';
}

bool ckpt_file_copies_is_temporary(const struct ckpt_gather *gather, const char *path)
{
    struct stat status;

    if (is_below(path, gather->java_home))
        return false;
    return is_below(path, gather->tmp_dir) || is_below(path, "/tmp") ||
           is_below(path, "/var/tmp") ||
           (ckpt_sys_fstatat(AT_FDCWD, path, &status, 0) == 0 && S_ISREG(status.st_mode) &&
            ckpt_clock_to_ns(status.st_ctim) > gather->started_ns);
}

static unsigned long mib_up(uint64_t size)
{
    return (unsigned long)((size + (1 << 20) - 1) >> 20);
}

/* The JDK's own files do not count: they are deleted when an update replaces them. */
void ckpt_file_copies_count_deleted(struct ckpt_gather *gather, const char *path, uint64_t size)
{
    if (is_below(path, gather->java_home))
        return;
    gather->deleted_size += size;
    if (gather->deleted_size <= gather->deleted_limit)
        return;
    ckpt_report_refuse(gather->report, "file",
                       "close and unmap it in a beforeCheckpoint hook, or allow it by "
                       "--tmp-files=%lu (agent option tmp_files)",
                       "'%s' is a deleted file of %lu MiB, more than is allowed in an image", path,
                       mib_up(size), mib_up(gather->deleted_size));
    ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_DELETED);
}

int ckpt_file_copies_runs(struct ckpt_gather *gather, int fd, uint32_t *ret_first,
                          uint32_t *ret_count, struct ckpt_error *error)
{
    struct ckpt_array *runs = &gather->tables.runs;
    uint32_t first = (uint32_t)runs->count;
    int64_t at = 0;

    while ((at = ckpt_sys_lseek(fd, at, SEEK_DATA_)) >= 0) {
        int64_t end = ckpt_sys_lseek(fd, at, SEEK_HOLE_);
        struct ckpt_image_run *run = ckpt_array_add(runs, &gather->scratch, 1, error);

        if (!run)
            return -1;
        if (end < 0)
            return ckpt_error_set(error, (int)-end, "cannot find a file's holes");
        end = (int64_t)ckpt_page_ceil((uint64_t)end);
        *run = (struct ckpt_image_run){.address = (uint64_t)at, .size = (uint64_t)(end - at)};
        at = end;
    }
    if (at != -ENXIO) /* there is no data after this */
        return ckpt_error_set(error, (int)-at, "cannot find a file's holes");
    *ret_first = first;
    *ret_count = (uint32_t)runs->count - first;
    return 0;
}

/* Whether a file cannot be read for a permanent reason, not for lack of memory or descriptors. */
static bool is_permanent(long failed)
{
    return failed == -ENOENT || failed == -ENOTDIR || failed == -EACCES || failed == -EPERM ||
           failed == -ELOOP || failed == -ENXIO;
}

/* Save the content of a file.  If it cannot be read, a restore needs the file itself. */
static int gather_file(struct ckpt_gather *gather, struct ckpt_image_file *file,
                       struct ckpt_error *error)
{
    const char *path = ckpt_tables_text(&gather->tables, file->path);
    struct ckpt_page_file *source;
    struct stat status;
    long fd = ckpt_sys_openat(AT_FDCWD, path,
                              O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    long failed = fd < 0 ? fd : ckpt_sys_fstat((int)fd, &status);
    int result = 0;

    if (failed < 0 && !is_permanent(failed))
        result = ckpt_error_set(error, (int)-failed, "cannot read '%s'", path);
    else if (failed < 0 || !S_ISREG(status.st_mode) || status.st_ino != file->inode ||
             (uint64_t)status.st_size != file->size) {
        file->flags &= ~(CKPT_FILE_COPIED | CKPT_FILE_TEMPORARY);
    } else if (!(source = ckpt_array_add(&gather->tables.page_files, &gather->scratch, 1, error)) ||
               ckpt_file_copies_runs(gather, (int)fd, &file->first_run, &file->run_count, error) <
                   0) {
        result = -1;
    } else {
        *source = (struct ckpt_page_file){.first_run = file->first_run,
                                          .run_count = file->run_count,
                                          .fd = -1,
                                          .path = path,
                                          .inode = file->inode};
    }
    if (fd >= 0)
        ckpt_sys_close((int)fd);
    return result;
}

/* Add a temporary file to the table, or mark it there if it is mapped or open. */
static int add_temporary(struct ckpt_gather *gather, const struct ckpt_temporary *temporary,
                         struct ckpt_error *error)
{
    struct ckpt_image_file *file = ckpt_file_records_find(gather, temporary->path);
    struct stat status;

    if (!file) {
        long failed = ckpt_sys_fstatat(AT_FDCWD, temporary->path, &status, AT_SYMLINK_NOFOLLOW);

        if (failed < 0)
            return is_permanent(failed)
                       ? 0
                       : ckpt_error_set(error, (int)-failed, "cannot read '%s'", temporary->path);
        file = ckpt_file_records_append(gather, temporary->path, &status, 0, error);
        if (!file)
            return -1;
    }
    if (!(file->flags & (CKPT_FILE_MADE_AGAIN | CKPT_FILE_LEASED)) &&
        (S_ISREG(file->mode) || S_ISDIR(file->mode))) {
        file->flags |= CKPT_FILE_TEMPORARY | (S_ISREG(file->mode) ? CKPT_FILE_COPIED : 0);
        file->base = temporary->base;
    }
    return 0;
}

/*
 * Mark a temporary file that was made after the agent had searched for them, and is open or mapped:
 * it is probably short-lived, and the first process restored from this image will delete it.
 */
static void add_late(struct ckpt_gather *gather, struct ckpt_image_file *file, uint64_t *total)
{
    const char *path = ckpt_tables_text(&gather->tables, file->path);
    struct stat status;

    if (!gather->deleted_limit || /* none also if they are empty */
        (file->flags &
         (CKPT_FILE_MADE_AGAIN | CKPT_FILE_TEMPORARY | CKPT_FILE_COPIED | CKPT_FILE_LEASED)) ||
        !S_ISREG(file->mode) || !is_below(path, gather->tmp_dir) ||
        ckpt_sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        status.st_uid != gather->tables.header.uid || status.st_ino != file->inode ||
        ckpt_clock_to_ns(status.st_ctim) < gather->started_ns ||
        file->size > gather->deleted_limit - *total)
        return;
    *total += file->size;
    file->flags |= CKPT_FILE_TEMPORARY | CKPT_FILE_COPIED;
    file->base = (uint32_t)ckpt_raw_length(gather->tmp_dir);
    while (gather->tmp_dir[file->base - 1] == '/')
        file->base--;
}

static void add_agent_jar(struct ckpt_gather *gather)
{
    struct ckpt_image_file *file =
        gather->agent_jar ? ckpt_file_records_find(gather, gather->agent_jar) : NULL;

    if (file && S_ISREG(file->mode) && !(file->flags & (CKPT_FILE_WRITTEN | CKPT_FILE_MAY_CHANGE)))
        file->flags |= CKPT_FILE_COPIED;
}

int ckpt_file_copies_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    size_t known = gather->tables.files.count;
    uint64_t total = 0;

    for (size_t i = 0; i < gather->temporary_count; i++)
        if (add_temporary(gather, &gather->temporaries[i], error) < 0)
            return -1;
    add_agent_jar(gather);
    for (size_t i = 0; i < known; i++)
        add_late(gather, ckpt_array_at(&gather->tables.files, i), &total);
    for (size_t i = 0; i < gather->tables.files.count; i++) {
        struct ckpt_image_file *file = ckpt_array_at(&gather->tables.files, i);

        if ((file->flags & CKPT_FILE_COPIED) && gather_file(gather, file, error) < 0)
            return -1;
    }
    return 0;
}
