/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The end of child processes together with the JVM (--children=end).
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_END_CHILDREN_H
#define CKPT_ENGINE_BUILTIN_FREEZE_END_CHILDREN_H

#include "engine/builtin/fd/child_pipes.h"

/** End the children and their children: by SIGTERM, and after some seconds by SIGKILL. */
void ckpt_end_children(struct ckpt_child_tree *tree);

#endif
