/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * CKPT_FROZEN: runs in parked processes; raw system calls only, no libc beyond memcpy and friends.
 *
 * Standard input, output and error, and copies of them at other numbers (`exec 3>&1`): the restored
 * process has those of the command that restores it.  `position` says which of the three it is.
 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd.h"

/* Memory devices such as /dev/null look alike without being copies. */
static bool is_stream(const struct stat *status)
{
    return S_ISFIFO(status->st_mode) || S_ISSOCK(status->st_mode) ||
           (S_ISCHR(status->st_mode) && major(status->st_rdev) != 1);
}

static int which(const struct ckpt_fd_look *look)
{
    if (look->number < 3)
        return look->number;
    for (int i = 0; i < 3; i++) {
        struct stat status;

        if (ckpt_sys_fstat(i, &status) < 0 || status.st_ino != look->status.st_ino ||
            status.st_dev != look->status.st_dev)
            continue;
        if (ckpt_fd_same_open_file(i, look->number) ||
            (is_stream(&status) &&
             ((look->open_flags ^ (uint32_t)ckpt_sys_fcntl(i, F_GETFL, 0)) & O_ACCMODE) == 0))
            return i;
    }
    return -1;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_fd_look *look)
{
    (void)gather;
    return which(look) >= 0;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    entry->position = (uint64_t)which(look);
    return ckpt_tables_pool(&gather->tables, look->link, ckpt_raw_length(look->link), &entry->data,
                            error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    (void)image;
    return entry->position < 3 && (entry->number > 2 || entry->number == (int)entry->position);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    static const char *const names[] = {"input", "output", "error"};

    ckpt_raw_format(text, size, "%s of the command that restores (it was '%s')",
                    names[entry->position], ckpt_view_text(image, entry->data));
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    long opened = ckpt_sys_fcntl((int)entry->position, F_DUPFD_CLOEXEC, 0);

    (void)thaw;
    if (opened == -EBADF) /* `restore` was started without it */
        opened = ckpt_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (opened < 0)
        return ckpt_error_set(error, "descriptors", (int)-opened, "cannot be handed on");
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_fd_stdio = {
    .kind = CKPT_FD_STDIO,
    .name = "standard stream",
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
