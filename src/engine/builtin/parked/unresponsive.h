/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads that were asked to park and have not: which will not, and why.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_UNRESPONSIVE_H
#define CKPT_ENGINE_BUILTIN_PARKED_UNRESPONSIVE_H

#include "engine/builtin/parked/park.h"

#define CKPT_UNPARKED_LOOK_MS 20 /**< how often to look, when no thread comes any more */

/**
 * Whether it is certain by now that not all will park: a thread has blocked the signal for all of
 * 100 ms, or the user's queue of signals has been full for so long.  The state of each missing
 * thread is kept in @park for the next call.
 */
bool ckpt_unparked_look(struct ckpt_park *park, int64_t now_ms);

/** Name the missing threads, each with its reason. Returns -1. */
int ckpt_unparked_report(struct ckpt_park *park, bool in_time, struct ckpt_error *error);

#endif
