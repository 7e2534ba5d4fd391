/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs in the command, and follows the rules of parked code because it is linked with the kinds.
 *
 * See deleted_directory.h.
 */
#include "engine/builtin/fd/deleted_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "base/raw.h"
#include "base/syscall.h"

#define TRIES 16

static long open_in(const char *parent, char *place, size_t size)
{
    long opened = -EEXIST;
    uint64_t random = 0;

    for (int try = 0; try < TRIES && opened == -EEXIST; try++) {
        ckpt_sys_getrandom(&random, sizeof random);
        ckpt_raw_format(place, size, "%s/.checkpointer-%lx", parent, (unsigned long)random);
        opened = ckpt_syscall(SYS_mkdirat, AT_FDCWD, place, 0700, 0, 0, 0);
    }
    if (opened < 0)
        return opened;
    opened = ckpt_sys_openat(AT_FDCWD, place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    ckpt_syscall(SYS_unlinkat, AT_FDCWD, place, AT_REMOVEDIR, 0, 0, 0);
    return opened;
}

long ckpt_deleted_directory_open(char *place, size_t size)
{
    static const char *const parents[] = {"/tmp", "/dev/shm", "/var/tmp"};
    long opened = -ENOENT;

    for (size_t i = 0; i < sizeof parents / sizeof parents[0] && opened < 0; i++)
        opened = open_in(parents[i], place, size);
    if (opened >= 0)
        ckpt_raw_format(place, size, "/proc/self/fd/%ld", opened);
    return opened;
}
