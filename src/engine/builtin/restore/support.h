/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether the built-in engine works on this machine: from what the kernel can do to what that means
 * for a checkpoint and a restore.
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_SUPPORT_H
#define CKPT_ENGINE_BUILTIN_RESTORE_SUPPORT_H

#include "engine/engine.h"
#include "probe/kernel.h"

/** Report a finding for everything that the engine needs of @kernel. 0, or -1 if it cannot work. */
int ckpt_builtin_check(const struct ckpt_kernel *kernel, ckpt_finding_fn *report, void *context);

#endif
