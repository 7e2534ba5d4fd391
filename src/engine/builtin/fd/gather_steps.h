/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What kinds do while they freeze, in the JVM.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_GATHER_STEPS_H
#define CKPT_ENGINE_BUILTIN_FD_GATHER_STEPS_H

#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/parked/gather.h"

/** Refuse a descriptor as one that no kind is for. */
void ckpt_fd_refuse_unknown(struct ckpt_gather *gather, const struct ckpt_live_fd *live);

#endif
