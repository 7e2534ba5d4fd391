/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Child processes, which are not in an image.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_CHILDREN_H
#define CKPT_ENGINE_BUILTIN_FREEZE_CHILDREN_H

#include "engine/builtin/parked/gather.h"

/**
 * Refuse child processes that run, except those that the image may be without: all of them, if the
 * request allows that, or those whose pipes a policy closes. Called after the descriptors are
 * gathered.
 */
int ckpt_children_check(struct ckpt_gather *gather, struct ckpt_error *error);

#endif
