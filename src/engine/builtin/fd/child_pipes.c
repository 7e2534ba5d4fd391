/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See child_pipes.h.  A pipe may be inherited: with `sh -c 'a | b'` the processes a and b have the
 * pipes that the JVM has made for its child.  So the children of children are examined too.
 */
#include "engine/builtin/fd/child_pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/descriptors.h"
#include "base/processes.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kernel_path.h"
#include "engine/builtin/fd/kind_pipe.h"

#define PIPE "pipe:["

void ckpt_child_tree_list(struct ckpt_child_tree *ret)
{
    const size_t room = CKPT_DESCENDANTS_MAX + 1;
    pid_t self = (pid_t)ckpt_sys_getpid();

    ret->count = ret->direct = 0;
    ret->too_many = false;
    if (ckpt_kernel_path_own_pid("/proc/", 6) != (uint64_t)self)
        return;
    ret->count = ret->direct = ckpt_process_children(self, ret->pids, room);
    for (size_t i = 0; i < ret->count && ret->count < room; i++)
        ret->count +=
            ckpt_process_children(ret->pids[i], ret->pids + ret->count, room - ret->count);
    if (ret->count >= room) {
        ret->too_many = true;
        ret->count = room - 1;
        ret->direct = ret->direct < room ? ret->direct : room - 1;
    }
}

static int add_pipes(struct ckpt_gather *gather, size_t index, struct ckpt_error *error)
{
    struct ckpt_child_tree *tree = gather->child_tree;
    pid_t pid = tree->pids[index];
    ckpt_auto_descriptors struct ckpt_descriptors list;
    char link[64];

    ckpt_descriptors_open(&list, pid);
    while (ckpt_descriptors_next(&list)) {
        const char *number = link + sizeof PIPE - 1;
        struct ckpt_child_pipe *added;
        struct stat status;

        ckpt_descriptors_link(&list, link, sizeof link);
        if (!ckpt_raw_starts(link, PIPE) ||
            ckpt_sys_fstatat(list.folder, list.name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        added = ckpt_array_add(&tree->pipes, &gather->scratch, 1, error);
        if (!added)
            return -1;
        *added = (struct ckpt_child_pipe){.inode = ckpt_raw_number(&number, 10),
                                          .pid = pid,
                                          .reads = status.st_mode & S_IRUSR,
                                          .writes = status.st_mode & S_IWUSR,
                                          .is_of_child = index < tree->direct};
    }
    if (list.failed == -EACCES || list.failed == -EPERM)
        tree->hidden = pid;
    return 0;
}

int ckpt_child_tree_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct ckpt_child_tree *tree;
    siginfo_t ignored;

    gather->child_tree = NULL;
    if (ckpt_syscall(SYS_waitid, P_ALL, 0, &ignored, WNOHANG | WNOWAIT | WEXITED | __WALL, NULL,
                     0) == -ECHILD)
        return 0;
    tree = ckpt_scratch_take(&gather->scratch, sizeof *tree, error);
    if (!tree)
        return -1;
    ckpt_array_init(&tree->pipes, sizeof(struct ckpt_child_pipe));
    ckpt_child_tree_list(tree);
    gather->child_tree = tree;
    for (size_t i = 0; i < tree->count; i++)
        if (add_pipes(gather, i, error) < 0)
            return -1;
    return 0;
}

/* The mode of the link in /proc shows how the end is open. */
static bool is_other_end(const struct ckpt_child_pipe *pipe, const struct ckpt_live_fd *live)
{
    return pipe->inode == live->status.st_ino &&
           ((live->open_flags & O_ACCMODE) == O_RDONLY ? pipe->writes : pipe->reads);
}

bool ckpt_child_pipe_exists(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    const struct ckpt_child_tree *tree = gather->child_tree;
    bool found = false;

    for (size_t i = 0; tree && i < tree->pipes.count && !found; i++)
        found = is_other_end(ckpt_array_at(&tree->pipes, i), live);
    return found && live->number > 2 && ckpt_fd_is_pipe_to_elsewhere(live);
}

bool ckpt_child_pipe_refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    const struct ckpt_child_tree *tree = gather->child_tree;
    bool found = false;

    for (size_t i = 0; tree && i < tree->pipes.count; i++) {
        struct ckpt_child_pipe *pipe = ckpt_array_at(&tree->pipes, i);

        if (!is_other_end(pipe, live))
            continue;
        pipe->is_refused = true;
        found |= pipe->is_of_child;
    }
    return found;
}
