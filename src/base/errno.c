/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Replaces strerror(), which translates and allocates.
 */
#include <errno.h>
#include <stddef.h>

#include "base/raw.h"

static const struct {
    int number;
    const char *text;
} known[] = {
    {EPERM, "not permitted"},
    {ENOENT, "no such file or directory"},
    {ESRCH, "no such process"},
    {EINTR, "interrupted"},
    {EIO, "input/output error"},
    {ENXIO, "no such device or address"},
    {E2BIG, "argument list too long"},
    {EBADF, "bad descriptor"},
    {ECHILD, "no child process"},
    {EAGAIN, "temporarily not possible"},
    {ENOMEM, "out of memory"},
    {EACCES, "permission denied"},
    {EFAULT, "bad address"},
    {EBUSY, "busy"},
    {EEXIST, "exists already"},
    {EXDEV, "another file system"},
    {ENODEV, "no such device"},
    {ENOTDIR, "not a directory"},
    {EISDIR, "is a directory"},
    {EINVAL, "invalid argument"},
    {ENFILE, "too many open files in the system"},
    {EMFILE, "too many open files"},
    {ENOTTY, "not possible for this kind of file"},
    {ETXTBSY, "text file busy"},
    {EFBIG, "file too large"},
    {ENOSPC, "no space left on device"},
    {EROFS, "read-only file system"},
    {EPIPE, "no process reads"},
    {ENAMETOOLONG, "name too long"},
    {ENOSYS, "not known to this kernel, or blocked by a seccomp filter"},
    {ENOTEMPTY, "directory not empty"},
    {ELOOP, "too many symbolic links"},
    {EOVERFLOW, "value too large"},
    {EADDRINUSE, "address in use"},
    {EADDRNOTAVAIL, "no such address on this machine"},
    {EAFNOSUPPORT, "address family not supported"},
    {ENETUNREACH, "network unreachable"},
    {ENETDOWN, "network is down"},
    {ECONNRESET, "connection reset"},
    {ECONNREFUSED, "connection refused"},
    {ETIMEDOUT, "timed out"},
    {ESTALE, "stale file handle"},
    {EDQUOT, "disk quota exceeded"},
};

const char *ckpt_raw_errno(int number)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].number == number)
            return known[i].text;
    return "unexpected error";
}
