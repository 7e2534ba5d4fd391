/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Functions that the kinds call while they freeze, in the JVM.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_GATHER_STEPS_H
#define CKPT_ENGINE_BUILTIN_FD_GATHER_STEPS_H

#include <stdbool.h>

#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/parked/gather.h"

/** Whether it is one of the agent's own descriptors, which are not restored. */
bool ckpt_fd_is_agents(const struct ckpt_gather *gather, int number);

/** Refuse a descriptor in the report as one of an unknown kind. */
void ckpt_fd_refuse_unknown(struct ckpt_gather *gather, const struct ckpt_live_fd *live);

#endif
