/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Files, directories and devices: a restore opens them again by their paths and takes their locks.
 * A file that is only read must be unchanged at the restore (file_records.c); one that is written
 * may have grown.
 */
#include "engine/builtin/fd/reopen.h"

#include <errno.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/file_locks.h"
#include "engine/builtin/fd/jvm_log.h"
#include "engine/builtin/fd/rehearsal.h"
#include "engine/builtin/fd/thaw_steps.h"

/* Which changes of the file a restore accepts. */
static uint32_t file_flags(const struct ckpt_live_fd *live)
{
    uint32_t access = live->open_flags & O_ACCMODE;

    if (!S_ISREG(live->status.st_mode) || live->reopen)
        return CKPT_FILE_MAY_CHANGE | CKPT_FILE_MAY_GROW;
    if (access == O_RDONLY || (live->open_flags & O_PATH))
        return 0;
    if ((live->open_flags & O_APPEND) ||
        (access == O_WRONLY && live->position == (uint64_t)live->status.st_size))
        return CKPT_FILE_WRITTEN | CKPT_FILE_MAY_GROW;
    return CKPT_FILE_WRITTEN;
}

/*
 * Find another name (a hard link) of a file whose name is gone, in the directory of that name: the
 * usual place, because a link must be on the same file system.  Returns false if there is none.
 */
static bool find_other_name(const struct ckpt_live_fd *live, char *path, size_t size)
{
    struct ckpt_raw_entries entries;
    const char *name;
    struct stat status;
    size_t length = 0;
    bool found = false;
    long fd;

    for (size_t i = 0; live->link[i]; i++)
        if (live->link[i] == '/')
            length = i + 1;
    ckpt_raw_format(path, size, "%s", live->link);
    path[length] = '\0';
    fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    ckpt_raw_entries_init(&entries, (int)fd);
    while (!found && (name = ckpt_raw_entries_next(&entries)))
        found = ckpt_sys_fstatat((int)fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                status.st_ino == live->status.st_ino && status.st_dev == live->status.st_dev &&
                ckpt_raw_format(path + length, size - length, "%s", name) == ckpt_raw_length(name);
    ckpt_sys_close((int)fd);
    return found;
}

/* Refuse a file that cannot be opened again by its path; true if it was refused. */
static bool refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct stat status;

    if (live->status.st_nlink == 0)
        ckpt_report_refuse(
            gather->report, "file", CKPT_CLOSE_IT,
            "descriptor %d is '%s': a file whose name is gone cannot be opened again", live->number,
            live->link);
    else if (ckpt_live_fd_is_deleted(live))
        ckpt_report_refuse(gather->report, "file", CKPT_CLOSE_IT,
                           "descriptor %d is '%s': the name is gone, and the file's other names "
                           "(hard links, %lu in all) are not in that directory",
                           live->number, live->link, (unsigned long)live->status.st_nlink);
    else if (!live->reopen && !ckpt_live_fd_is_at_path(live) &&
             ckpt_sys_fstatat(AT_FDCWD, live->link, &status, 0) == 0)
        ckpt_report_refuse(
            gather->report, "file", CKPT_CLOSE_IT,
            "descriptor %d is '%s', but that path leads to another file now: something is mounted "
            "there, or the JVM has it from another mount namespace",
            live->number, live->link);
    else
        return false;
    return true;
}

/* A log of the JVM whose name is gone gets that name again, as at the start of a JVM. */
static int freeze_log(struct ckpt_gather *gather, const struct ckpt_live_fd *live, const char *path,
                      struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t flags = CKPT_FILE_WRITTEN | CKPT_FILE_MAY_CHANGE | CKPT_FILE_MAY_GROW | CKPT_FILE_LOG;
    struct stat status;
    struct ckpt_image_file *file;

    if (ckpt_file_records_find(gather, path) ||
        ckpt_sys_fstatat(AT_FDCWD, path, &status, 0) != -ENOENT)
        return ckpt_file_records_add(gather, path, flags, NULL, 0, &entry->object, error);
    file = ckpt_file_records_append(gather, path, &live->status, flags, error);
    if (!file)
        return -1;
    entry->object = (uint32_t)(file - (struct ckpt_image_file *)gather->tables.files.data);
    return 0;
}

int ckpt_fd_reopen_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t flags = file_flags(live);
    char path[sizeof live->link];

    bool is_log = ckpt_fd_is_jvm_log(gather, live, path, sizeof path);
    bool is_renamed = !is_log && live->status.st_nlink && ckpt_live_fd_is_deleted(live) &&
                      find_other_name(live, path, sizeof path);

    if (!is_log && !is_renamed && refuse(gather, live))
        return 0;
    if (ckpt_file_locks_freeze(gather, live, entry, error) < 0)
        return -1;
    if (entry->data.size && !live->reopen) /* if it is locked, no other process should write it */
        flags &= CKPT_FILE_WRITTEN;
    if (ckpt_file_locks_have_write_lease(gather, entry))
        flags |= CKPT_FILE_LEASED;
    if (live->reopen)
        entry->fd_flags |= CKPT_FD_REOPEN;
    if (is_log)
        return freeze_log(gather, live, path, entry, error);
    if (ckpt_file_records_add(gather, is_renamed ? path : live->link, flags, NULL, 0,
                              &entry->object, error) < 0)
        ckpt_report_refuse(gather->report, "file", CKPT_CLOSE_IT, "descriptor %d: %s", live->number,
                           error->text);
    return 0;
}

bool ckpt_fd_reopen_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return entry->position <= INT64_MAX && ckpt_file_locks_valid(image, entry);
}

void ckpt_fd_reopen_describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                             char *text, size_t size)
{
    static const char *const access[] = {"read", "written", "read and written", ""};
    const struct ckpt_image_file *file = &image->files[entry->object];
    uint32_t flags = entry->open_flags;
    size_t length = ckpt_raw_format(text, size, "'%s' ", ckpt_view_text(image, file->path));

    length += ckpt_raw_format(text + length, size - length, "%s",
                              flags & O_PATH ? "as a path" : access[flags & O_ACCMODE]);
    if (S_ISREG(file->mode) && !(flags & O_PATH))
        length += ckpt_raw_format(text + length, size - length,
                                  flags & O_APPEND ? ", appended" : " at %lu of %lu",
                                  (unsigned long)entry->position, (unsigned long)file->size);
    if (entry->fd_flags & CKPT_FD_REOPEN)
        length += ckpt_raw_format(text + length, size - length, ", by a policy");
    ckpt_file_locks_describe(image, entry, text + length, size - length);
}

static bool is_device(const struct ckpt_image_file *file)
{
    return S_ISCHR(file->mode) || S_ISBLK(file->mode);
}

/*
 * Whether to open the path itself. A rehearsal does not open a device, because that may have
 * effects, unless the device is a harmless one; nor a file on which the JVM that it is made for has
 * a lease, which would end.
 */
static bool may_open(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                     const struct ckpt_image_file *file)
{
    if (thaw->original_runs && (file->flags & CKPT_FILE_LEASED))
        return false;
    return !thaw->rehearsal || !is_device(file) || !(entry->fd_flags & CKPT_FD_REOPEN) ||
           (entry->open_flags & O_PATH);
}

/* Whether a restore would have created the file by now; a rehearsal does not create it. */
static bool would_be_created(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_file *file)
{
    struct stat status;

    return thaw->rehearsal && (file->flags & (CKPT_FILE_TEMPORARY | CKPT_FILE_LOG)) &&
           ckpt_sys_fstatat(AT_FDCWD, ckpt_view_text(thaw->image, file->path), &status,
                            AT_SYMLINK_NOFOLLOW) == -ENOENT;
}

/* Open the memory file with the old content of a file that was only read and has been replaced. */
static int open_copy(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                     struct ckpt_error *error)
{
    return ckpt_fd_open_memory_file(thaw->copy_fds[entry->object], O_RDONLY, entry->position,
                                    error);
}

int ckpt_fd_reopen_thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                        struct ckpt_error *error)
{
    const struct ckpt_image_file *file = &thaw->image->files[entry->object];
    const char *path = ckpt_view_text(thaw->image, file->path);
    struct stat status;
    long opened;

    if (would_be_created(thaw, file))
        return (int)ckpt_sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    if (thaw->copy_fds[entry->object] >= 0)
        return open_copy(thaw, entry, error);
    opened = may_open(thaw, entry, file)
                 ? ckpt_sys_openat(
                       AT_FDCWD, path,
                       (int)(entry->open_flags & CKPT_FD_KEPT_FLAGS) | O_CLOEXEC | O_NOCTTY, 0)
                 : ckpt_fd_rehearse_open(path, entry->open_flags);

    if (opened == -EPERM && (entry->open_flags & O_NOATIME))
        opened = ckpt_sys_openat(
            AT_FDCWD, path, (int)(entry->open_flags & CKPT_FD_KEPT_FLAGS & ~O_NOATIME) | O_CLOEXEC,
            0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot open '%s' again%s", path,
                              opened == -EACCES || opened == -EPERM
                                  ? "; let the user that restores open it this way, or close it "
                                    "in a beforeCheckpoint hook"
                                  : "");
    if (ckpt_sys_fstat((int)opened, &status) < 0 ||
        (status.st_mode & S_IFMT) != (file->mode & S_IFMT)) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, 0, "'%s' is no longer of the same kind", path);
    }
    if (!may_open(thaw, entry, file)) /* only as a path, which has no position */
        return (int)opened;
    if (file->flags & CKPT_FILE_LOG)
        return ckpt_fd_seek((int)opened, 0, SEEK_END, error);
    if (S_ISREG(file->mode) && !(entry->open_flags & O_APPEND) &&
        !(entry->fd_flags & CKPT_FD_REOPEN) && entry->position > (uint64_t)status.st_size &&
        (uint64_t)status.st_size < file->size) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, 0,
                              "'%s' is shorter than when it was frozen (%lu bytes, the JVM was at "
                              "%lu)",
                              path, (unsigned long)status.st_size, (unsigned long)entry->position);
    }
    if (S_ISREG(file->mode) && (file->flags & CKPT_FILE_MAY_GROW) &&
        (file->flags & CKPT_FILE_WRITTEN) && entry->position == file->size)
        return ckpt_fd_seek((int)opened, 0, SEEK_END, error); /* the file may have grown */
    if (!is_device(file) && !(entry->open_flags & O_PATH) && entry->position)
        return ckpt_fd_seek((int)opened, (int64_t)entry->position, SEEK_SET, error);
    return (int)opened;
}
