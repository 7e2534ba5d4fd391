/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Child processes, which are not in an image.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_CHILDREN_H
#define CKPT_ENGINE_BUILTIN_FREEZE_CHILDREN_H

#include "engine/builtin/parked/gather.h"

/**
 * Refuse child processes, except those that are left behind because a policy closes their pipes.
 * Called after the descriptors are gathered.
 */
int ckpt_children_check(struct ckpt_gather *gather, struct ckpt_error *error);

#endif
