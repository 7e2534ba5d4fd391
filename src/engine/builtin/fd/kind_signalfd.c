/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * signalfd: fdinfo has the signals that it accepts. The signals themselves are pending for threads
 * or the process, and not part of the descriptor.
 */
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, "anon_inode:[signalfd]");
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint64_t mask;

    if (!ckpt_raw_field(live->info, "sigmask:", 16, &mask)) {
        ckpt_report_refuse(gather->report, "resource", CKPT_CLOSE_IT,
                           "descriptor %d is a signalfd whose signals the kernel does not report",
                           live->number);
        return 0;
    }
    return ckpt_tables_pool(&gather->tables, &mask, sizeof mask, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    (void)image;
    return entry->data.size == sizeof(uint64_t);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    uint64_t mask = *(const uint64_t *)ckpt_view_text(image, entry->data);
    size_t length = ckpt_raw_format(text, size, mask ? "signals" : "no signals");

    for (int signal = 1; signal <= 64; signal++)
        if (mask & 1ull << (signal - 1))
            length += ckpt_raw_format(text + length, size - length, " %d", signal);
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    uint64_t mask = *(const uint64_t *)ckpt_view_text(thaw->image, entry->data);
    long opened = ckpt_syscall(SYS_signalfd4, -1, &mask, sizeof mask,
                               (entry->open_flags & O_NONBLOCK) | O_CLOEXEC, 0, 0);

    return opened < 0 ? ckpt_error_set(error, (int)-opened, "cannot make a signalfd") : (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_signalfd = {
    .number = CKPT_FD_SIGNALFD,
    .name = "signalfd",
    .support =
        {
            .kept = "the signals, non-blocking mode",
            .refused = "on a kernel that does not show them in fdinfo",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
