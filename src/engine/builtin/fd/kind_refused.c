/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Descriptors that look like files and are not, so that other kinds would take them for one:
 * message queues of POSIX, whose messages cannot be read without removing them, and secret memory
 * (memfd_secret), which no system call can read.
 */
#include "engine/builtin/fd/kind.h"

#define MQUEUE_MAGIC 0x19800202u
#define SECRETMEM_MAGIC 0x5345434du

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return live->file_system == MQUEUE_MAGIC || live->file_system == SECRETMEM_MAGIC;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    (void)entry;
    (void)error;
    ckpt_report_refuse(
        gather->report, "resource", CKPT_CLOSE_IT,
        "descriptor %d is %s ('%s'), which cannot be restored", live->number,
        live->file_system == MQUEUE_MAGIC ? "a POSIX message queue" : "secret memory", live->link);
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_refused = {
    .name = "refused",
    .support =
        {
            .object = "POSIX message queues, `memfd_secret`",
            .option = "a policy that closes it",
            .refused = "otherwise",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .matches = matches,
    .freeze = freeze,
};
