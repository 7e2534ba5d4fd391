/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See other_images.h.  The engine criu has a sub-folder "criu-" with 16 hexadecimal digits for each
 * image (engine/criu/drive/folder.c), locked while a restore reads it, and logs next to them.
 */
#include "engine/builtin/freeze/other_images.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>

#include "base/raw.h"
#include "base/syscall.h"

#define CRIU_PREFIX "criu-"
#define CRIU_DIGITS 16
#define CRIU_LOG "dump.log"
#define CRIU_FAILED_LOG "dump-failed.log"

static bool is_criu_folder(const char *name)
{
    const char *at = name;
    size_t digits = 0;

    for (const char *prefix = CRIU_PREFIX; *prefix; prefix++)
        if (*at++ != *prefix)
            return false;
    while ((at[digits] >= '0' && at[digits] <= '9') || (at[digits] >= 'a' && at[digits] <= 'f'))
        digits++;
    return digits == CRIU_DIGITS && !at[digits];
}

static void remove_folder(int dir, const char *name)
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

void ckpt_other_images_remove(int dir)
{
    struct ckpt_raw_entries entries;
    const char *name;
    bool any = false;
    long copy = ckpt_sys_openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (copy < 0)
        return;
    ckpt_raw_entries_init(&entries, (int)copy);
    while ((name = ckpt_raw_entries_next(&entries)))
        if (is_criu_folder(name)) {
            remove_folder(dir, name);
            any = true;
        }
    if (any) {
        ckpt_syscall(SYS_unlinkat, dir, CRIU_LOG, 0, 0, 0, 0);
        ckpt_syscall(SYS_unlinkat, dir, CRIU_FAILED_LOG, 0, 0, 0, 0);
    }
    ckpt_sys_close((int)copy);
}
