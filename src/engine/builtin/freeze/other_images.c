/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See other_images.h.
 */
#include "engine/builtin/freeze/other_images.h"

#include <fcntl.h>
#include <stdbool.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/criu_folder.h"

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
        if (ckpt_criu_folder_is(name)) {
            ckpt_criu_folder_remove(dir, name);
            any = true;
        }
    if (any) {
        ckpt_syscall(SYS_unlinkat, dir, CKPT_CRIU_DUMP_LOG, 0, 0, 0, 0);
        ckpt_syscall(SYS_unlinkat, dir, CKPT_CRIU_FAILED_DUMP_LOG, 0, 0, 0, 0);
    }
    ckpt_sys_close((int)copy);
}
