/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Directories that were deleted while they are open.  Such a directory is empty and nothing can be
 * made in it.  A restore makes a directory in one for temporary files, opens it and deletes it.
 */
#include <errno.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/deleted_directory.h"
#include "engine/builtin/fd/kind.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return S_ISDIR(live->status.st_mode) && ckpt_live_fd_is_deleted(live);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    return ckpt_tables_pool(&gather->tables, live->link, ckpt_raw_length(live->link), &entry->data,
                            error);
}

static const char *path(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return ckpt_view_text(image, entry->data);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    ckpt_raw_format(text, size, "'%s'", path(image, entry));
}

/* The number of an earlier descriptor of the same directory, or -1. */
static int find_earlier(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    for (const struct ckpt_image_fd *other = image->fds; other < entry; other++)
        if (other->kind == entry->kind && other->inode == entry->inode &&
            ckpt_raw_equal(path(image, other), path(image, entry)))
            return other->number;
    return -1;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    int earlier = find_earlier(thaw->image, entry);
    char place[64];
    long opened;

    if (earlier < 0)
        opened = ckpt_deleted_directory_open(place, sizeof place);
    else
        opened = ckpt_raw_format(place, sizeof place, "/proc/self/fd/%d", earlier);
    if (opened >= 0) {
        long made = opened;

        opened = ckpt_sys_openat(AT_FDCWD, place,
                                 (int)(entry->open_flags & CKPT_FD_KEPT_FLAGS & ~O_NOFOLLOW) |
                                     O_DIRECTORY | O_CLOEXEC,
                                 0);
        if (earlier < 0)
            ckpt_sys_close((int)made);
    }
    return opened >= 0 ? (int)opened
                       : ckpt_error_set(error, (int)-opened,
                                        "cannot make a directory in place of '%s'; make one of "
                                        "/tmp, /dev/shm and /var/tmp writable",
                                        path(thaw->image, entry));
}

const struct ckpt_fd_kind_row ckpt_kind_deleted_directory = {
    .number = CKPT_FD_DELETED_DIRECTORY,
    .name = "deleted folder",
    .support =
        {
            .object = "open, and deleted",
            .kept = "that it is empty: a restore makes one in `/tmp`, `/dev/shm` or `/var/tmp`, "
                    "opens it and deletes it",
        },
    .policy = CKPT_POLICY_FILE,
    .matches = matches,
    .freeze = freeze,
    .describe = describe,
    .path = path,
    .thaw = thaw,
};
