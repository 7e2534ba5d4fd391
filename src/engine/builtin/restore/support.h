/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Reports whether the built-in engine works on this machine: what each feature of the kernel, or
 * its absence, means for a checkpoint and a restore.
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_SUPPORT_H
#define CKPT_ENGINE_BUILTIN_RESTORE_SUPPORT_H

#include "engine/engine.h"
#include "probe/kernel.h"

/** Report a finding for each feature that the engine uses. 0, or -1 if the engine cannot work. */
int ckpt_builtin_check(const struct ckpt_kernel *kernel, ckpt_finding_fn *report, void *context);

#endif
