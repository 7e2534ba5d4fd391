/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See criu_folder.h.
 */
#include "engine/criu_folder.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>

#include "base/raw.h"
#include "base/syscall.h"

#define DIGITS 16

bool ckpt_criu_folder_is(const char *name)
{
    const char *at = name + sizeof CKPT_CRIU_FOLDER - 1;
    size_t digits = 0;

    if (!ckpt_raw_starts(name, CKPT_CRIU_FOLDER))
        return false;
    while ((at[digits] >= '0' && at[digits] <= '9') || (at[digits] >= 'a' && at[digits] <= 'f'))
        digits++;
    return digits == DIGITS && !at[digits];
}

void ckpt_criu_folder_remove(int dir, const char *name)
{
    struct ckpt_raw_entries entries;
    const char *file;
    long fd = ckpt_sys_openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);

    if (fd < 0)
        return;
    if (ckpt_syscall(SYS_flock, fd, LOCK_EX | LOCK_NB, 0, 0, 0, 0) == 0) {
        ckpt_raw_entries_init(&entries, (int)fd);
        while ((file = ckpt_raw_entries_next(&entries)))
            ckpt_syscall(SYS_unlinkat, fd, file, 0, 0, 0, 0);
        ckpt_syscall(SYS_unlinkat, dir, name, AT_REMOVEDIR, 0, 0, 0);
    }
    ckpt_sys_close((int)fd);
}
