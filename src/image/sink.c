/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: only raw system calls, and of libc only memcpy and the like.
 *
 * See sink.h. Large writes make large folios in the page cache, which are faster to read. The file
 * grows while it is written, so that an incomplete one is shorter than the size in its header.
 */
#include "image/sink.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include "base/syscall.h"

#define LARGE ((uint64_t)2 << 20) /* writes end at multiples of this size */

/* Checked before anything is written, because a write beyond the limit also raises SIGXFSZ. */
static int check_limit(uint64_t size, struct ckpt_error *error)
{
    struct rlimit limit;

    if (ckpt_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit, 0, 0) < 0 ||
        limit.rlim_cur >= size)
        return 0;
    return ckpt_error_set(error, EFBIG,
                          "the image needs a file of %lu KiB, and the limit is %lu KiB; raise "
                          "'ulimit -f' of the JVM",
                          (unsigned long)(size >> 10), (unsigned long)limit.rlim_cur >> 10);
}

static int check_free_space(int fd, uint64_t content, struct ckpt_error *error)
{
    struct statfs system;
    uint64_t left;

    if (ckpt_syscall(SYS_fstatfs, fd, &system, 0, 0, 0, 0) < 0 || system.f_blocks == 0)
        return 0;
    left = (ckpt_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0) == 0 ? system.f_bfree : system.f_bavail) *
           (uint64_t)system.f_bsize;
    if (left >= content)
        return 0;
    return ckpt_error_set(error, ENOSPC,
                          "the image needs %lu MiB, and its directory has room for %lu MiB; make "
                          "room, or choose another directory",
                          (unsigned long)(content >> 20), (unsigned long)(left >> 20));
}

/*
 * Check that the file system allows a file of this size. Only an attempt to set the size shows this
 * before the pages are written.
 */
static int check_size(int fd, uint64_t size, struct ckpt_error *error)
{
    if (ckpt_syscall(SYS_ftruncate, fd, size, 0, 0, 0, 0) < 0)
        return ckpt_error_set(error, EFBIG,
                              "the image's file system does not allow a file of %lu MiB",
                              (unsigned long)(size >> 20));
    ckpt_syscall(SYS_ftruncate, fd, 0, 0, 0, 0, 0);
    return 0;
}

static int begin(struct ckpt_sink *sink, uint64_t size, uint64_t content, struct ckpt_error *error)
{
    struct ckpt_file_sink *file = (struct ckpt_file_sink *)sink;

    file->content = content;
    return check_limit(size, error) < 0 || check_free_space(file->fd, content, error) < 0
               ? -1
               : check_size(file->fd, size, error);
}

static int put(struct ckpt_sink *sink, const void *data, uint64_t size, struct ckpt_error *error)
{
    struct ckpt_file_sink *file = (struct ckpt_file_sink *)sink;
    const char *from = data;

    while (size) {
        uint64_t piece = LARGE - file->at % LARGE;
        long written = ckpt_sys_pwrite(file->fd, from, piece < size ? piece : size, file->at);

        if (written == -EINTR)
            continue;
        if (written <= 0)
            return ckpt_error_set(error, written ? (int)-written : EIO,
                                  "cannot write the image after %lu of %lu MiB; make room, or "
                                  "choose another directory",
                                  (unsigned long)(file->done >> 20),
                                  (unsigned long)(file->content >> 20));
        from += written;
        size -= (uint64_t)written;
        file->at += (uint64_t)written;
        file->done += (uint64_t)written;
    }
    return 0;
}

static int skip(struct ckpt_sink *sink, uint64_t size, struct ckpt_error *error)
{
    (void)error;
    ((struct ckpt_file_sink *)sink)->at += size;
    return 0;
}

static int finish(struct ckpt_sink *sink, struct ckpt_error *error)
{
    long failed = ckpt_syscall(SYS_fsync, ((struct ckpt_file_sink *)sink)->fd, 0, 0, 0, 0, 0);

    return failed < 0 ? ckpt_error_set(error, (int)-failed, "cannot finish the image") : 0;
}

void ckpt_file_sink_init(struct ckpt_file_sink *file, int fd)
{
    *file = (struct ckpt_file_sink){
        .sink = {.begin = begin, .write = put, .skip = skip, .finish = finish}, .fd = fd};
}
