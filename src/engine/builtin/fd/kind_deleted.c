/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Files that were deleted while they are open: they have no path any more, and probably no other
 * process has them open.  They are saved as memory files (kind_shared.c).
 */
#include "base/raw.h"
#include "engine/builtin/fd/jvm_log.h"
#include "engine/builtin/fd/kind_shared.h"
#include "engine/builtin/parked/other_users.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    char path[sizeof live->link];

    return S_ISREG(live->status.st_mode) && live->status.st_nlink == 0 && live->link[0] == '/' &&
           !ckpt_fd_is_jvm_log(gather, live, path, sizeof path);
}

/* Files below /dev/shm are made for several processes. */
static int refuse_if_used(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_error *error)
{
    struct ckpt_nameless_file file = {live->link, live->status.st_ino, live->status.st_mode};
    struct ckpt_other_user user;

    if (ckpt_other_users_find(gather, &file, &user, error) < 0)
        return -1;
    if (user.pid)
        ckpt_report_refuse(gather->report, "file", CKPT_CLOSE_IT,
                           "descriptor %d is '%s', which process %lu %s, too%s", live->number,
                           live->link, (unsigned long)user.pid, user.is_hidden ? "may use" : "uses",
                           user.is_hidden ? " (it cannot be examined)" : "");
    return 0;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    size_t known = gather->tables.shared.count;

    if (ckpt_raw_starts(live->link, "/dev/shm/") && refuse_if_used(gather, live, error) < 0)
        return -1;
    if (ckpt_fd_shared_freeze(gather, live, entry, error) < 0)
        return -1;
    /* The blocks count, not the file's size: holes are not in the image. */
    if (gather->tables.shared.count > known)
        ckpt_file_copies_count_deleted(gather, live->link, (uint64_t)live->status.st_blocks * 512);
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_deleted = {
    .name = "deleted file",
    .support =
        {
            .object = "files that were [deleted](descriptors.md#deleted-files) while they are "
                      "open",
            .kept = "content, size, position",
            .option = "more than the limit: `--tmp-files`",
            .refused = "otherwise; one below `/dev/shm` that another process uses",
        },
    .policy = CKPT_POLICY_FILE,
    .matches = matches,
    .freeze = freeze,
};
