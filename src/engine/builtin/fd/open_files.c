/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Compares open files by kcmp(2).  The first descriptor of each open file is in a sorted array of
 * indices, because comparing each with each would take minutes if there are thousands.
 */
#include "engine/builtin/fd/open_files.h"

#include <fcntl.h>
#include <linux/kcmp.h>

#include "base/syscall.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/walk.h"

bool ckpt_open_files_same(int left, int right)
{
    long pid = ckpt_sys_getpid();

    return left == right || ckpt_syscall(SYS_kcmp, pid, pid, KCMP_FILE, left, right, 0) == 0;
}

/*
 * The order of two open files: first by kind and inode, which is cheap, then the kernel's order,
 * which is constant while they are open.  Anonymous files (eventfd, epoll) have the same inode.
 */
static int compare(long pid, const struct ckpt_image_fd *left, const struct ckpt_image_fd *right)
{
    long order;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->inode != right->inode)
        return left->inode < right->inode ? -1 : 1;
    if (ckpt_fd_row(left->kind)->is_end) { /* one open file for each end, even if opened twice */
        uint32_t access = left->open_flags & O_ACCMODE, other = right->open_flags & O_ACCMODE;

        return access == other ? 0 : access < other ? -1 : 1;
    }
    order = ckpt_syscall(SYS_kcmp, pid, pid, KCMP_FILE, left->number, right->number, 0);
    return order == 0 ? 0 : order == 1 ? -1 : 1;
}

int ckpt_open_files_find(struct ckpt_gather *gather, struct ckpt_image_fd *entry,
                         struct ckpt_error *error)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);
    struct ckpt_array *files = &gather->fd_walk->open_files;
    uint32_t *at, index = (uint32_t)gather->tables.fds.count;
    size_t low = 0, high = files->count;
    long pid = ckpt_sys_getpid();

    if (row->always_separate)
        return 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        uint32_t other = *(const uint32_t *)ckpt_array_at(files, middle);
        int order = compare(pid, entry, ckpt_array_at(&gather->tables.fds, other));

        if (order == 0) {
            if (entry->number > 2 || !row->from_command)
                entry->same_as = other;
            return 0;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (!ckpt_array_add(files, &gather->scratch, 1, error))
        return -1;
    at = ckpt_array_at(files, low);
    __builtin_memmove(at + 1, at, (files->count - 1 - low) * sizeof *at);
    *at = index;
    return 0;
}
