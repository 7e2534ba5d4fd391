/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Holding back the packets of connections while criu restores them. criu's own lock is made at the
 * dump, and the first restore removes it. In a later one, the peer's host would answer what criu
 * puts in a send queue with a reset, and criu would fail.
 */
#ifndef CKPT_ENGINE_CRIU_HOLD_BACK_H
#define CKPT_ENGINE_CRIU_HOLD_BACK_H

#include "engine/criu/command/network_lock.h"

/**
 * Hold back the packets of these connections until the result, a descriptor, is closed, also by the
 * end of this process. -1: the kernel (before 5.12, or without nf_tables) or this process's
 * capabilities do not allow it.
 */
int ckpt_criu_hold_back(const struct ckpt_criu_ends *ends, size_t count);

#endif
