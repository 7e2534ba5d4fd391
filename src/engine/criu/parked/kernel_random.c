/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See kernel_random.h. The state may vanish at any time, also in the middle of a call: the kernel
 * drops such memory when it needs room, and the vDSO then asks for a new key.
 */
#include "engine/criu/parked/kernel_random.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/map_line.h"
#include "base/raw.h"
#include "base/syscall.h"

void ckpt_criu_drop_kernel_random(void)
{
    struct ckpt_map_line map = {.start = 0};
    struct ckpt_raw_lines lines;
    const char *line;
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/smaps", O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return;
    ckpt_raw_lines_init(&lines, (int)fd);
    while ((line = ckpt_raw_lines_next(&lines))) {
        const char *at = line;

        ckpt_raw_number(&at, 16);
        if (at > line && *at == '-')
            ckpt_map_line_parse(line, &map);
        else if (map.end && ckpt_raw_starts(line, "VmFlags:") && ckpt_raw_find(line, " dp"))
            ckpt_sys_madvise(map.start, map.end - map.start, MADV_DONTNEED);
    }
    ckpt_sys_close((int)fd);
}
