/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The rehearsal's part of mapping: asks for each file that the restorer will map whether its file
 * system and the security modules allow that, because there is no way back from the restorer. Each
 * mapping is made anywhere and removed at once, and only its first page: the limits on memory are
 * checked in limits.c.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/page.h"
#include "engine/builtin/restore/restore.h"
#include "engine/builtin/restorer/restorer_plan.h"

static int try_map(const struct ckpt_op *op, struct ckpt_error *error)
{
    int kept = MAP_SHARED | MAP_PRIVATE | MAP_NORESERVE;
    void *at =
        mmap(NULL, ckpt_page_size, (int)op->prot, (int)op->flags & kept, op->fd, (off_t)op->offset);
    char link[64], path[4096];
    int failed = errno;
    ssize_t length;

    if (at != MAP_FAILED) {
        munmap(at, ckpt_page_size); /* fails for a huge page, and then the process ends soon */
        return 0;
    }
    if (failed != EACCES && failed != EPERM && failed != ENODEV)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", op->fd);
    length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    return ckpt_error_set(error, failed,
                          "cannot map '%s' as the JVM has mapped it; mount its file system without "
                          "noexec, or let the security module permit it",
                          path);
}

int ckpt_maps_rehearse(const struct ckpt_plan *plan, struct ckpt_error *error)
{
    const struct ckpt_op *ops = (const struct ckpt_op *)plan->ops;

    for (uint64_t i = 0; i < plan->op_count; i++)
        if (ops[i].type == CKPT_OP_MAP && ops[i].fd >= 0 && try_map(&ops[i], error) < 0)
            return -1;
    return 0;
}
