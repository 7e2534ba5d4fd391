/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See live_fd.h.
 */
#include "engine/builtin/fd/live_fd.h"

#include <errno.h>
#include <sys/vfs.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/walk.h"

/* Read the beginning of fdinfo, which may be longer than the buffer. */
static long read_info(int number, struct ckpt_live_fd *live)
{
    char path[64];
    long length;

    ckpt_raw_format(path, sizeof path, "/proc/self/fdinfo/%d", number);
    live->info[0] = '\0';
    length = ckpt_raw_read_file(path, live->info, sizeof live->info);
    live->info[sizeof live->info - 1] = '\0';
    return length == -EFBIG ? 0 : length;
}

/*
 * Read the type of the file system. One in user space (FUSE) may lack statfs(): then the type is 0.
 * For all others a failure of statfs() is an error.
 */
static long read_file_system(int number, struct ckpt_live_fd *live)
{
    struct statfs system = {0};
    long failed = ckpt_syscall(SYS_fstatfs, number, &system, 0, 0, 0, 0);
    bool has_none = failed == -ENOSYS || failed == -EOPNOTSUPP;

    if (failed < 0 && (!has_none || ckpt_raw_starts(live->link, "/proc/") ||
                       ckpt_raw_starts(live->link, "/sys/")))
        return failed;
    live->file_system = (uint64_t)(unsigned)system.f_type;
    return 0;
}

long ckpt_live_fd_read(int number, struct ckpt_live_fd *ret_live)
{
    char path[64];
    long length, flags, fd_flags, failed;

    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", number);
    length = ckpt_sys_readlinkat(AT_FDCWD, path, ret_live->link, sizeof ret_live->link - 1);
    if (length < 0)
        return length;
    ret_live->link[length] = '\0';
    failed = ckpt_sys_fstat(number, &ret_live->status);
    if (failed < 0)
        return failed;
    failed = read_file_system(number, ret_live);
    if (failed < 0)
        return failed;
    flags = ckpt_sys_fcntl(number, F_GETFL, 0);
    if (flags < 0)
        return flags;
    fd_flags = ckpt_sys_fcntl(number, F_GETFD, 0);
    if (fd_flags < 0)
        return fd_flags;
    ret_live->number = number;
    ret_live->open_flags = (uint32_t)flags;
    ret_live->fd_flags = (uint32_t)fd_flags;
    failed = read_info(number, ret_live);
    if (failed < 0)
        return failed;
    ret_live->position = 0;
    ckpt_raw_field(ret_live->info, "pos:", 10, &ret_live->position);
    return 0;
}

bool ckpt_live_fd_is_at_path(const struct ckpt_live_fd *live)
{
    struct stat status;

    if (ckpt_sys_fstatat(AT_FDCWD, live->link, &status, 0) < 0)
        return false;
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        return status.st_rdev == live->status.st_rdev;
    return status.st_ino == live->status.st_ino && status.st_dev == live->status.st_dev;
}

bool ckpt_live_fd_is_deleted(const struct ckpt_live_fd *live)
{
    return ckpt_raw_ends(live->link, " (deleted)") && !ckpt_live_fd_is_at_path(live);
}

int ckpt_live_fd_info_lines(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                            int (*take)(void *context, const char *line), void *context,
                            struct ckpt_error *error)
{
    struct ckpt_raw_lines *lines = &gather->fd_walk->lines;
    char path[64];
    const char *line;
    int result = 0;
    long fd;

    ckpt_raw_format(path, sizeof path, "/proc/self/fdinfo/%d", live->number);
    fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read '%s'", path);
    ckpt_raw_lines_init(lines, (int)fd);
    while (result == 0 && (line = ckpt_raw_lines_next(lines)))
        result = take(context, line);
    ckpt_sys_close((int)fd);
    return result == 0 && lines->failed
               ? ckpt_error_set(error, -lines->failed, "cannot read '%s'", path)
               : result;
}
