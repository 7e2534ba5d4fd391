/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The end of child processes together with the JVM (--children=end).
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_END_CHILDREN_H
#define CKPT_ENGINE_BUILTIN_FREEZE_END_CHILDREN_H

#include "engine/builtin/fd/child_pipes.h"

/**
 * End the children and their children: by SIGTERM, and after some seconds by SIGKILL.
 * @param requester the process that has asked for the checkpoint, or 0. If it is one of them, it is
 *                  left behind to get its answer, and so are those between the JVM and it
 */
void ckpt_end_children(struct ckpt_child_tree *tree, pid_t requester);

#endif
