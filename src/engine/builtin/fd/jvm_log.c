/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 */
#include "engine/builtin/fd/jvm_log.h"

#include <fcntl.h>

#include "base/raw.h"
#include "engine/log_pattern.h"

#define DELETED " (deleted)"

bool ckpt_fd_is_jvm_log(const struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                        char *ret_path, size_t size)
{
    if (!gather->jvm_logs || !S_ISREG(live->status.st_mode) || live->link[0] != '/' ||
        (live->open_flags & (O_ACCMODE | O_PATH)) != O_WRONLY)
        return false;
    ckpt_raw_format(ret_path, size, "%s", live->link);
    if (ckpt_live_fd_is_deleted(live))
        ret_path[ckpt_raw_length(ret_path) - (sizeof DELETED - 1)] = '\0';
    for (size_t i = 0; gather->jvm_logs[i]; i++)
        if (ckpt_log_pattern_matches(gather->jvm_logs[i], ret_path))
            return true;
    return false;
}
