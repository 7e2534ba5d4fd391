/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A process and its descendants, from /proc.
 */
#ifndef CKPT_ENGINE_CRIU_TREE_H
#define CKPT_ENGINE_CRIU_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * Call @visit for @pid and each of its descendants until one returns true.
 * @return whether one did
 */
bool ckpt_criu_tree_any(pid_t pid, bool (*visit)(pid_t pid, void *context), void *context);

/**
 * Call @visit with a copy of each TCP or UDP socket of a process until one returns true. A process
 * whose descriptors may not be read has none here.
 * @return whether one did
 */
bool ckpt_criu_tree_any_socket(pid_t pid, bool (*visit)(int socket, bool tcp, void *context),
                               void *context);

#endif
