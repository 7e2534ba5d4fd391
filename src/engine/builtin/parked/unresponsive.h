/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads that were signalled and have not parked: which of them will not, and why.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_UNRESPONSIVE_H
#define CKPT_ENGINE_BUILTIN_PARKED_UNRESPONSIVE_H

#include "engine/builtin/parked/park.h"

#define CKPT_UNRESPONSIVE_CHECK_MS 20 /**< how often to check while no further thread parks */

/**
 * Whether it is certain that not all threads will park: one has blocked the signal for 100 ms, or
 * the user's queue of pending signals has been full for 100 ms.  The state of each missing thread
 * is kept in @park for the next call.
 */
bool ckpt_unresponsive_check(struct ckpt_park *park, int64_t now_ms);

/**
 * Set @error with the names of the missing threads and their reasons.
 * @param early  before the time limit: name only threads that block the signal
 * @return -1
 */
int ckpt_unresponsive_report(struct ckpt_park *park, bool early, struct ckpt_error *error);

#endif
