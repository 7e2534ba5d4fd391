/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * eventfd: fdinfo has the counter, which is saved as the position, and from Linux 6.5 on whether it
 * is a semaphore.  Older kernels do not show that; the JDK does not make semaphores.
 */
#include <errno.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"

#define SEMAPHORE 1u /* EFD_SEMAPHORE */

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, "anon_inode:[eventfd]");
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint64_t semaphore = 0;
    uint32_t flags;

    if (!ckpt_raw_field(live->info, "eventfd-count:", 16, &entry->position)) {
        ckpt_report_refuse(gather->report, "resource", CKPT_CLOSE_IN_HOOK,
                           "descriptor %d is an eventfd whose counter the kernel does not report",
                           live->number);
        return 0;
    }
    ckpt_raw_field(live->info, "eventfd-semaphore:", 10, &semaphore);
    flags = semaphore ? SEMAPHORE : 0;
    return ckpt_tables_pool(&gather->tables, &flags, sizeof flags, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    (void)image;
    return entry->data.size == sizeof(uint32_t) && entry->position != UINT64_MAX;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    uint32_t flags = *(const uint32_t *)ckpt_view_text(image, entry->data);

    ckpt_raw_format(text, size, "%s %lu", flags & SEMAPHORE ? "semaphore, count" : "count",
                    (unsigned long)entry->position);
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    uint32_t flags = *(const uint32_t *)ckpt_view_text(thaw->image, entry->data) & SEMAPHORE;
    long opened = ckpt_syscall(SYS_eventfd2, 0,
                               flags | (entry->open_flags & O_NONBLOCK) | O_CLOEXEC, 0, 0, 0, 0);
    int failed = 0;

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make an eventfd");
    if (entry->position)
        failed = ckpt_raw_write_all((int)opened, &entry->position, sizeof entry->position);
    if (failed == 0)
        return (int)opened;
    ckpt_sys_close((int)opened);
    return ckpt_error_set(error, -failed, "cannot set an eventfd's counter");
}

const struct ckpt_fd_kind_row ckpt_kind_eventfd = {
    .number = CKPT_FD_EVENTFD,
    .name = "eventfd",
    .support =
        {
            .kept = "counter, semaphore mode (from Linux 6.5 on), non-blocking mode",
            .refused = "on a kernel that does not show its counter in fdinfo",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .must_stay_open = true,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
