/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * io_uring, which is in no image: parked/io_uring.c says why.
 */
#include "base/raw.h"
#include "engine/builtin/fd/kind.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, CKPT_IO_URING_NAME);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    (void)live;
    (void)entry;
    (void)error;
    ckpt_io_uring_refuse(gather);
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_io_uring = {
    .name = "io_uring",
    .support =
        {
            .object = "see [io_uring](descriptors.md#io_uring)",
            .refused = "always: use another transport, such as epoll",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .matches = matches,
    .freeze = freeze,
};
