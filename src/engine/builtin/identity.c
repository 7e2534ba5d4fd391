/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether the files that were mapped or open are still the same.  Size and time of last change tell
 * for all; where they differ, an ELF object may still prove itself by its build-id (a package that
 * was installed again, a copied container layer).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/builtin/gather.h"
#include "engine/builtin/restore.h"

#define STAGE "files"

/* The file may be cut short meanwhile: no mapping of it. */
static int read_file(const struct ckpt_bytes *source, void *to, size_t size, uint64_t offset)
{
    return pread(source->fd, to, size, (off_t)offset) == (ssize_t)size ? 0 : -EIO;
}

static bool same_build(int fd, size_t size, const struct ckpt_image_file *file)
{
    struct ckpt_bytes source = {.read = read_file, .fd = fd, .size = size};
    struct ckpt_image_file now = {.build_id_size = 0};

    if (!file->build_id_size)
        return false;
    ckpt_files_build_id(&source, &now);
    return now.build_id_size == file->build_id_size &&
           memcmp(now.build_id, file->build_id, file->build_id_size) == 0;
}

/* Tools that copy layers of containers keep whole seconds only. */
static bool same_time(const struct timespec *now, const struct ckpt_image_file *file)
{
    return now->tv_sec == file->mtime_s &&
           ((uint32_t)now->tv_nsec == file->mtime_ns || now->tv_nsec == 0 || file->mtime_ns == 0);
}

int ckpt_identity_check(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                        int fd, struct ckpt_error *error)
{
    const char *path = ckpt_view_text(image, file->path);
    ckpt_auto_close int opened = -1;
    struct stat status;

    if ((fd >= 0 ? fstat(fd, &status) : stat(path, &status)) < 0)
        return ckpt_error_set(error, STAGE, errno, "the JVM had '%s'; put it back where it was",
                              path);
    if ((status.st_mode & S_IFMT) != (file->mode & S_IFMT))
        return ckpt_error_set(error, STAGE, 0, "'%s' is no longer a file of the same kind", path);
    if ((file->flags & CKPT_FILE_MAY_CHANGE) || !S_ISREG(status.st_mode))
        return 0;
    if ((uint64_t)status.st_size == file->size && same_time(&status.st_mtim, file))
        return 0;
    if (fd < 0)
        fd = opened = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && same_build(fd, (size_t)status.st_size, file))
        return 0;
    return ckpt_error_set(
        error, STAGE, 0,
        "'%s' has changed since the checkpoint (%lu bytes then, %lu now, or another "
        "time of change); take a new checkpoint",
        path, (unsigned long)file->size, (unsigned long)status.st_size);
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

int ckpt_identity_check_all(const struct ckpt_image_view *image, const int *fds,
                            struct ckpt_error *error)
{
    for (size_t i = 0; i < image->file_count; i++)
        if (!(image->files[i].flags & (CKPT_FILE_MADE_AGAIN | CKPT_FILE_COPIED)) &&
            ckpt_identity_check(image, &image->files[i], fds ? fds[i] : -1, error) < 0)
            return -1;
    return 0;
}
