/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Devices: a restore reopens the harmless ones, and others only if a policy has a rule for that.
 */
#include <sys/sysmacros.h>

#include "engine/builtin/fd/gather_steps.h"
#include "engine/builtin/fd/reopen.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return S_ISCHR(live->status.st_mode) || (S_ISBLK(live->status.st_mode) && live->link[0] == '/');
}

/* Whether the device is null, zero, full, random or urandom, or the controlling terminal. */
static bool is_harmless(const struct ckpt_live_fd *live)
{
    static const unsigned char memory[] = {3, 5, 7, 8, 9};
    dev_t device = live->status.st_rdev;

    if (!S_ISCHR(live->status.st_mode))
        return false;
    if (major(device) == 5 && minor(device) == 0)
        return true;
    for (size_t i = 0; i < sizeof memory; i++)
        if (major(device) == 1 && minor(device) == memory[i])
            return true;
    return false;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    if (is_harmless(live) || (live->reopen && live->link[0] == '/'))
        return ckpt_fd_reopen_freeze(gather, live, entry, error);
    entry->kind = 0;
    ckpt_fd_refuse_unknown(gather, live);
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_device = {
    .number = CKPT_FD_DEVICE,
    .name = "device",
    .support =
        {
            .object = "`/dev/null`, `zero`, `full`, `random`, `urandom`, and `/dev/tty`",
            .kept = "path, flags; opened again",
            .option = "other devices: by a policy that reopens or closes them",
            .refused = "otherwise",
        },
    .object = CKPT_FD_OBJECT_FILE,
    .policy = CKPT_POLICY_FILE,
    .may_be_missing = true,
    .has_locks = true,
    .matches = matches,
    .freeze = freeze,
    .valid = ckpt_fd_reopen_valid,
    .describe = ckpt_fd_reopen_describe,
    .thaw = ckpt_fd_reopen_thaw,
};
