/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Directories: a restore opens them by path and sets their old position.
 */
#include "engine/builtin/fd/reopen.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return S_ISDIR(live->status.st_mode);
}

const struct ckpt_fd_kind_row ckpt_kind_directory = {
    .number = CKPT_FD_DIRECTORY,
    .name = "directory",
    .support =
        {
            .kept = "path, flags, position",
        },
    .object = CKPT_FD_OBJECT_FILE,
    .policy = CKPT_POLICY_FILE,
    .may_be_missing = true,
    .has_locks = true,
    .matches = matches,
    .freeze = ckpt_fd_reopen_freeze,
    .valid = ckpt_fd_reopen_valid,
    .describe = ckpt_fd_reopen_describe,
    .thaw = ckpt_fd_reopen_thaw,
};
