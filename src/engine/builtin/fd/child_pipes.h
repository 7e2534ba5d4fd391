/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The child processes of the JVM, their children and so on, and the pipes that they have open.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_CHILD_PIPES_H
#define CKPT_ENGINE_BUILTIN_FD_CHILD_PIPES_H

#include <stdbool.h>
#include <sys/types.h>

#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/parked/gather.h"

#define CKPT_DESCENDANTS_MAX 4096

/** One end of a pipe that a child process or one of its children has open. */
struct ckpt_child_pipe {
    uint64_t inode;
    pid_t pid;
    bool reads, writes;
    bool is_of_child; /**< and not only of a child's child */
    bool is_refused;  /**< the JVM's end is of a kind that the image cannot have */
};

struct ckpt_child_tree {
    size_t direct; /**< the number of children, which are the first entries of pids[] */
    size_t count;  /**< of all descendants */
    bool too_many; /**< there are more than fit */
    pid_t
        hidden; /**< one of them whose descriptors cannot be read: it may have any pipe; 0: none */
    struct ckpt_array pipes; /**< struct ckpt_child_pipe */
    pid_t pids[CKPT_DESCENDANTS_MAX + 1];
};

/** List the descendants of this process; none if /proc shows another PID namespace. */
void ckpt_child_tree_list(struct ckpt_child_tree *ret);

/** List them and their pipes in gather->child_tree, which stays NULL if there is no child. */
int ckpt_child_tree_gather(struct ckpt_gather *gather, struct ckpt_error *error);

/** Whether a descendant has the other end of the pipe of @live. */
bool ckpt_child_pipe_exists(const struct ckpt_gather *gather, const struct ckpt_live_fd *live);

/**
 * The pipe of @live cannot be in the image. If a child has its other end, the refusal of the child
 * suffices: returns true.
 */
bool ckpt_child_pipe_refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live);

#endif
