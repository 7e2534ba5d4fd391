/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Descriptors with O_PATH of symbolic links, sockets, named pipes and devices: they only stand for
 * a place in the file system, so a restore opens that path again, whatever process uses the object.
 * Those of files and directories are in their kinds.
 */
#include <errno.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"

struct path_data {
    uint32_t type; /* S_IFMT of its mode */
    char path[];   /* with a zero byte */
};

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return (live->open_flags & O_PATH) && live->link[0] == '/' && !S_ISREG(live->status.st_mode) &&
           !S_ISDIR(live->status.st_mode);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    size_t length = ckpt_raw_length(live->link);
    struct path_data *data = ckpt_scratch_take(&gather->scratch, sizeof *data + length + 1, error);
    struct stat status;

    if (!data)
        return -1;
    if (ckpt_sys_fstatat(AT_FDCWD, live->link, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        status.st_ino != live->status.st_ino)
        ckpt_report_refuse(gather->report, "file", CKPT_CLOSE_IT,
                           "descriptor %d is '%s', and that path does not lead to it any more",
                           live->number, live->link);
    data->type = live->status.st_mode & S_IFMT;
    __builtin_memcpy(data->path, live->link, length + 1);
    return ckpt_tables_pool(&gather->tables, data, sizeof *data + length + 1, &entry->data, error);
}

static const struct path_data *data_of(const struct ckpt_image_view *image,
                                       const struct ckpt_image_fd *entry)
{
    return (const void *)ckpt_view_text(image, entry->data);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return entry->data.size > sizeof(struct path_data) + 1 && (entry->open_flags & O_PATH) &&
           !ckpt_view_text(image, entry->data)[entry->data.size - 1];
}

static const char *path(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return data_of(image, entry)->path;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    uint32_t type = data_of(image, entry)->type;

    ckpt_raw_format(text, size, "'%s' as a path, %s", path(image, entry),
                    type == S_IFLNK    ? "a symbolic link"
                    : type == S_IFSOCK ? "a socket"
                    : type == S_IFIFO  ? "a named pipe"
                                       : "a device");
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct path_data *data = data_of(thaw->image, entry);
    uint32_t no_follow = data->type == S_IFLNK ? O_NOFOLLOW : 0;
    struct stat status;
    long opened =
        ckpt_sys_openat(AT_FDCWD, data->path,
                        (int)((entry->open_flags & CKPT_FD_KEPT_FLAGS) | no_follow) | O_CLOEXEC, 0);

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot open '%s' again", data->path);
    if (ckpt_sys_fstat((int)opened, &status) < 0 || (status.st_mode & S_IFMT) != data->type) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, 0, "'%s' is no longer of the same kind", data->path);
    }
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_path = {
    .number = CKPT_FD_PATH,
    .name = "path",
    .support =
        {
            .object = "`O_PATH` of a symbolic link, a socket, a named pipe or a device",
            .kept = "path, flags; opened again",
            .refused = "if the path does not lead to it any more",
        },
    .policy = CKPT_POLICY_FILE,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .path = path,
    .thaw = thaw,
};
