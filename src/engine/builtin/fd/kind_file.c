/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Regular files: a restore opens them by path and sets their old position.
 */
#include "engine/builtin/fd/reopen.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return S_ISREG(live->status.st_mode) && live->link[0] == '/';
}

const struct ckpt_fd_kind_row ckpt_kind_file = {
    .number = CKPT_FD_FILE,
    .name = "file",
    .support =
        {
            .object = "regular files",
            .kept = "path, position, flags, [locks](descriptors.md#locks); opened again, never "
                    "created or truncated",
            .option = "one that was changed before the restore: `restore --allow-changed-files`, "
                      "`--missing=exception`, or a policy that reopens it",
            .refused = "one whose lease is being broken; one that has changed, at the "
                       "[restore](descriptors.md#files-at-the-restore)",
        },
    .object = CKPT_FD_OBJECT_FILE,
    .policy = CKPT_POLICY_FILE,
    .may_be_missing = true,
    .has_locks = true,
    .has_position = true,
    .matches = matches,
    .freeze = ckpt_fd_reopen_freeze,
    .valid = ckpt_fd_reopen_valid,
    .describe = ckpt_fd_reopen_describe,
    .thaw = ckpt_fd_reopen_thaw,
};
