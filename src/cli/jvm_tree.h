/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The JVMs in a tree of processes that is frozen as a whole, and the two halves of a checkpoint for
 * those that have the agent. The first JVM of the tree may get its hooks in another way.
 */
#ifndef CKPT_CLI_JVM_TREE_H
#define CKPT_CLI_JVM_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct ckpt_tree_jvm {
    pid_t pid;
    uint64_t start; /**< in ticks: tells it from a later process with the same PID */
    bool has_agent;
    bool prepared; /**< it has had its first half, and not its second */
};

struct ckpt_jvm_tree {
    struct ckpt_tree_jvm *jvms;
    size_t count;
    unsigned timeout_s; /**< how long each request may take; 0: without limit */
    int watcher;        /**< a socket to the process of ckpt_jvm_tree_watch(); -1: there is none */
};

#define CKPT_JVM_TREE_NONE                                                                         \
    (struct ckpt_jvm_tree)                                                                         \
    {                                                                                              \
        .watcher = -1                                                                              \
    }

/**
 * Find the JVMs below process @root, and @root itself if @with_root. A process that this user may
 * not inspect is none.
 * @param timeout_s  for the tree; 0: a default
 */
void ckpt_jvm_tree_find(pid_t root, bool with_root, unsigned timeout_s, struct ckpt_jvm_tree *ret);

/** Tell the watcher that there is nothing to do, and free the list. */
void ckpt_jvm_tree_free(struct ckpt_jvm_tree *tree);

/** Before any hook: -1 if a JVM with the agent cannot be asked for the first half. */
int ckpt_jvm_tree_check(const struct ckpt_jvm_tree *tree, struct ckpt_error *error);

/**
 * What those without the agent lose, as one sentence.
 * @return whether there are any
 */
bool ckpt_jvm_tree_warning(const struct ckpt_jvm_tree *tree, char *text, size_t size);

/**
 * Request the first half of all that have the agent. If one fails, the others get their second half
 * before this returns.
 */
int ckpt_jvm_tree_prepare(struct ckpt_jvm_tree *tree, bool no_gc, struct ckpt_error *error);

/**
 * Request the second half of those that have had the first one and have not ended.
 * @return -1 if one fails, with the last one's reason; all are tried
 */
int ckpt_jvm_tree_resume(struct ckpt_jvm_tree *tree, struct ckpt_error *error);

/**
 * In a tree that was restored: request the second half of all that have the agent.
 * @param failed  called with the reason for each that fails
 */
void ckpt_jvm_tree_restored(const struct ckpt_jvm_tree *tree,
                            void (*failed)(const struct ckpt_error *error));

/**
 * Leave a process behind that does ckpt_jvm_tree_resume() when this process has ended without
 * ckpt_jvm_tree_free(), or when the process of @pidfd has ended if that is not -1.
 */
void ckpt_jvm_tree_watch(struct ckpt_jvm_tree *tree, int pidfd);

#endif
