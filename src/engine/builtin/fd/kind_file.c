/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * What is opened again by its path: regular files (at their offset), directories and the harmless
 * devices.  A file that is only read must be the same one at the restore (see file_records.c); one
 * that is written may have grown.
 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/fd.h"

static bool is_file(const struct ckpt_gather *gather, const struct ckpt_fd_look *look)
{
    (void)gather;
    return S_ISREG(look->status.st_mode) && look->link[0] == '/';
}

static bool is_directory(const struct ckpt_gather *gather, const struct ckpt_fd_look *look)
{
    (void)gather;
    return S_ISDIR(look->status.st_mode);
}

/* null, zero, full, random, urandom; and the controlling terminal. */
static bool is_device(const struct ckpt_gather *gather, const struct ckpt_fd_look *look)
{
    static const unsigned char memory[] = {3, 5, 7, 8, 9};
    dev_t device = look->status.st_rdev;

    (void)gather;
    if (look->reopen && look->link[0] == '/' &&
        (S_ISCHR(look->status.st_mode) || S_ISBLK(look->status.st_mode)))
        return true;
    if (!S_ISCHR(look->status.st_mode))
        return false;
    if (major(device) == 5 && minor(device) == 0)
        return true;
    for (size_t i = 0; i < sizeof memory; i++)
        if (major(device) == 1 && minor(device) == memory[i])
            return true;
    return false;
}

/* What of it may be different at the restore. */
static uint32_t file_flags(const struct ckpt_fd_look *look)
{
    uint32_t access = look->open_flags & O_ACCMODE;

    if (!S_ISREG(look->status.st_mode) || look->reopen)
        return CKPT_FILE_MAY_CHANGE | CKPT_FILE_MAY_GROW;
    if (access == O_RDONLY || (look->open_flags & O_PATH))
        return 0;
    if ((look->open_flags & O_APPEND) ||
        (access == O_WRONLY && look->position == (uint64_t)look->status.st_size))
        return CKPT_FILE_WRITTEN | CKPT_FILE_MAY_GROW;
    return CKPT_FILE_WRITTEN;
}

/* Whether the path still leads to this file; a device may have several nodes. */
static bool is_there(const struct ckpt_fd_look *look)
{
    struct stat status;

    if (ckpt_sys_fstatat(AT_FDCWD, look->link, &status, 0) < 0)
        return false;
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        return status.st_rdev == look->status.st_rdev;
    return status.st_ino == look->status.st_ino && status.st_dev == look->status.st_dev;
}

bool ckpt_fd_has_lost_name(const struct ckpt_fd_look *look)
{
    return ckpt_raw_ends(look->link, " (deleted)") && !is_there(look);
}

/* What cannot be opened again by its path; true if it was refused. */
static bool refuse(struct ckpt_gather *gather, const struct ckpt_fd_look *look)
{
    struct stat status;

    if (look->status.st_nlink == 0)
        ckpt_report_add(gather->report, "file",
                        "descriptor %d is '%s': a file whose name is gone cannot "
                        "be opened again; close it in a beforeCheckpoint hook, or by a policy file",
                        look->number, look->link);
    else if (ckpt_fd_has_lost_name(look))
        ckpt_report_add(gather->report, "file",
                        "descriptor %d is '%s': the name is gone, and the file's other names (hard "
                        "links, %lu in all) cannot be found; close it in a beforeCheckpoint hook, "
                        "or by a policy file",
                        look->number, look->link, (unsigned long)look->status.st_nlink);
    else if (!look->reopen && !is_there(look) &&
             ckpt_sys_fstatat(AT_FDCWD, look->link, &status, 0) == 0)
        ckpt_report_add(gather->report, "file",
                        "descriptor %d is '%s', but that path leads to another file now: something "
                        "is mounted there, or the JVM has it from another mount namespace; close "
                        "it in a beforeCheckpoint hook, or by a policy file",
                        look->number, look->link);
    else
        return false;
    return true;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t flags = file_flags(look);

    if (refuse(gather, look))
        return 0;
    if (ckpt_fd_locks_freeze(gather, look, entry, error) < 0)
        return -1;
    if (entry->data.size && !look->reopen) /* who locks a file lets nobody else write it */
        flags &= CKPT_FILE_WRITTEN;
    if (look->reopen)
        entry->fd_flags |= CKPT_FD_REOPEN;
    if (ckpt_files_add(gather, look->link, flags, NULL, 0, &entry->object, error) < 0)
        ckpt_report_add(gather->report, "file", "descriptor %d: %s", look->number, error->text);
    return 0;
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return entry->object < image->file_count && entry->position <= INT64_MAX &&
           ckpt_fd_locks_valid(image, entry);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    static const char *const access[] = {"read", "written", "read and written", ""};
    uint32_t flags = entry->open_flags;
    size_t length = ckpt_raw_format(text, size, "'%s' ",
                                    ckpt_view_text(image, image->files[entry->object].path));

    length += ckpt_raw_format(text + length, size - length, "%s",
                              flags & O_PATH ? "as a path" : access[flags & O_ACCMODE]);
    if (entry->kind == CKPT_FD_FILE && !(flags & O_PATH))
        length += ckpt_raw_format(
            text + length, size - length, flags & O_APPEND ? ", appended" : " at %lu of %lu",
            (unsigned long)entry->position, (unsigned long)image->files[entry->object].size);
    if (entry->fd_flags & CKPT_FD_REOPEN)
        length += ckpt_raw_format(text + length, size - length, ", by a policy");
    ckpt_fd_locks_describe(image, entry, text + length, size - length);
}

/* To open a device may start something; those that every program opens do not. */
static bool opens(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry)
{
    return !thaw->rehearsal || entry->kind != CKPT_FD_DEVICE ||
           !(entry->fd_flags & CKPT_FD_REOPEN) || (entry->open_flags & O_PATH);
}

/* A restore would have made it by now; a rehearsal makes nothing. */
static bool would_be_made(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_file *file)
{
    struct stat status;

    return thaw->rehearsal && (file->flags & CKPT_FILE_TEMPORARY) &&
           ckpt_sys_fstatat(AT_FDCWD, ckpt_view_text(thaw->image, file->path), &status,
                            AT_SYMLINK_NOFOLLOW) == -ENOENT;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct ckpt_image_file *file = &thaw->image->files[entry->object];
    const char *path = ckpt_view_text(thaw->image, file->path);
    struct stat status;
    long opened;

    if (would_be_made(thaw, file))
        return (int)ckpt_sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    opened = opens(thaw, entry)
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
    if (entry->kind == CKPT_FD_FILE && !(entry->open_flags & O_APPEND) &&
        !(entry->fd_flags & CKPT_FD_REOPEN) && entry->position > (uint64_t)status.st_size &&
        (uint64_t)status.st_size < file->size) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, 0,
                              "'%s' is shorter than when it was frozen (%lu bytes, the JVM was at "
                              "%lu)",
                              path, (unsigned long)status.st_size, (unsigned long)entry->position);
    }
    if (entry->kind == CKPT_FD_FILE && (file->flags & CKPT_FILE_MAY_GROW) &&
        (file->flags & CKPT_FILE_WRITTEN) && entry->position == file->size)
        return ckpt_fd_seek((int)opened, 0, SEEK_END, error); /* where it was, or has grown to */
    if (entry->kind != CKPT_FD_DEVICE && !(entry->open_flags & O_PATH) && entry->position)
        return ckpt_fd_seek((int)opened, (int64_t)entry->position, SEEK_SET, error);
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_fd_file = {
    .kind = CKPT_FD_FILE,
    .name = "file",
    .matches = is_file,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};

const struct ckpt_fd_kind_row ckpt_fd_directory = {
    .kind = CKPT_FD_DIRECTORY,
    .name = "directory",
    .matches = is_directory,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};

const struct ckpt_fd_kind_row ckpt_fd_device = {
    .kind = CKPT_FD_DEVICE,
    .name = "device",
    .matches = is_device,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
