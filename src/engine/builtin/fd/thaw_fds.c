/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs in the command; follows the rules of parked code because it is linked with the kinds: raw
 * system calls only, no libc except memcpy() and the like.
 *
 * Opens the descriptors of an image at their numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/fds.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/signal_owner.h"
#include "engine/builtin/fd/thaw_steps.h"

uint64_t ckpt_fds_max_aside(const struct ckpt_image_view *image, bool rehearsal)
{
    uint64_t bound = 0, ends = 0;

    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(image->fds[i].kind);

        ends += row->is_end; /* of two ends, one is kept aside */
        bound += row->both_aside && row->both_aside(image, &image->fds[i]);
        bound += rehearsal && row->may_be_bound;
    }
    return bound + (ends + 1) / 2;
}

int ckpt_fd_keep_aside(struct ckpt_fd_thaw *thaw, size_t index, int fd, struct ckpt_error *error)
{
    long aside = ckpt_sys_fcntl(fd, F_DUPFD_CLOEXEC, thaw->first_own_fd);

    ckpt_sys_close(fd);
    if (aside < 0)
        return ckpt_error_set(error, (int)-aside, "cannot keep descriptor %d aside",
                              thaw->image->fds[index].number);
    thaw->aside[index] = (int)aside;
    return 0;
}

int ckpt_fd_seek(int fd, int64_t position, int whence, struct ckpt_error *error)
{
    long failed = ckpt_sys_lseek(fd, position, whence);

    if (failed >= 0)
        return fd;
    ckpt_sys_close(fd);
    return ckpt_error_set(error, (int)-failed, "cannot set its position");
}

int ckpt_fd_open_memory_file(int memory_fd, int flags, uint64_t position, struct ckpt_error *error)
{
    char path[32];
    long opened;

    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", memory_fd);
    opened = ckpt_sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot duplicate a memory file");
    if (flags & O_PATH)
        return (int)opened;
    return ckpt_fd_seek((int)opened, (int64_t)position, SEEK_SET, error);
}

int ckpt_fd_set_flags(int fd, uint32_t flags, struct ckpt_error *error)
{
    long failed = ckpt_sys_fcntl(fd, F_SETFL, (long)flags);

    if (failed >= 0)
        return fd;
    ckpt_sys_close(fd);
    return ckpt_error_set(error, (int)-failed, "cannot set its flags");
}

static int install(int from, const struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t cloexec = entry->fd_flags & FD_CLOEXEC;
    long moved = entry->number;

    if (from == entry->number) {
        moved = ckpt_sys_fcntl(from, F_SETFD, cloexec ? FD_CLOEXEC : 0);
        return moved < 0 ? ckpt_error_set(error, (int)-moved,
                                          "cannot set the flags of descriptor %d", from)
                         : 0;
    }
    moved = ckpt_syscall(SYS_dup3, from, entry->number, cloexec ? O_CLOEXEC : 0, 0, 0, 0);
    ckpt_sys_close(from);
    if (moved < 0)
        return ckpt_error_set(error, (int)-moved,
                              "cannot open descriptor number %d; raise 'ulimit -n'", entry->number);
    return 0;
}

static int thaw_one(struct ckpt_fd_thaw *thaw, size_t index, struct ckpt_error *error)
{
    const struct ckpt_image_fd *entry = &thaw->image->fds[index];
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);
    int opened = thaw->aside[index];

    if (entry->same_as != CKPT_NONE) {
        opened = (int)ckpt_sys_fcntl(thaw->image->fds[entry->same_as].number, F_DUPFD_CLOEXEC, 3);
        if (opened < 0)
            return ckpt_error_set(error, -opened, "cannot duplicate descriptor %d",
                                  thaw->image->fds[entry->same_as].number);
    } else if (opened < 0) {
        opened = row->thaw(thaw, entry, error);
        if (opened < 0)
            return ckpt_error_prefix(error, "descriptor %d (%s)", entry->number, row->name);
    }
    return install(opened, entry, error);
}

int ckpt_fds_thaw(struct ckpt_fd_thaw *thaw, struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;
    bool have[3] = {false};

    ckpt_syscall(SYS_close_range, 3, thaw->first_own_fd - 1, 0, 0, 0, 0);
    for (size_t i = 0; i < image->fd_count; i++) {
        if (image->fds[i].number < 3)
            have[image->fds[i].number] = true;
        if (thaw_one(thaw, i, error) < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++)
        if (!have[i])
            ckpt_sys_close(i);
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(image->fds[i].kind);

        if (row->finish && image->fds[i].same_as == CKPT_NONE &&
            row->finish(thaw, &image->fds[i], error) < 0)
            return ckpt_error_prefix(error, "descriptor %d (%s)", image->fds[i].number, row->name);
        if (image->fds[i].same_as == CKPT_NONE && ckpt_signal_owner_thaw(&image->fds[i], error) < 0)
            return -1;
    }
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(image->fds[i].kind);

        if (row->settle && image->fds[i].same_as == CKPT_NONE &&
            row->settle(thaw, &image->fds[i], error) < 0)
            return ckpt_error_prefix(error, "descriptor %d (%s)", image->fds[i].number, row->name);
    }
    return 0;
}
