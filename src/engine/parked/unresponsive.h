/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads that were signalled and have not parked: which of them will not, and why.
 */
#ifndef CKPT_ENGINE_PARKED_UNRESPONSIVE_H
#define CKPT_ENGINE_PARKED_UNRESPONSIVE_H

#include "engine/parked/park.h"

#define CKPT_UNRESPONSIVE_CHECK_MS 20 /**< how often to check while no further thread parks */

/**
 * Whether waiting is of no use while the other threads are parked: a thread has blocked the signal
 * for 100 ms, or the user's queue of pending signals has been full for 100 ms.  The state of each
 * missing thread is kept in @park for the next call.
 */
bool ckpt_unresponsive_check(struct ckpt_park *park, int64_t now_ms);

/**
 * Interrupt threads that do not take the signal: those that were interrupted before, and with
 * park->may_interrupt all that have not taken it for 100 ms.
 * @return whether any was interrupted, which now parks
 */
bool ckpt_unresponsive_interrupt(struct ckpt_park *park, int64_t now_ms);

/** Let threads that block the signal be interrupted from now on; false: that was tried before. */
bool ckpt_unresponsive_may_interrupt(struct ckpt_park *park);

/**
 * After threads have been released: whether a thread that was missing still does not take its
 * signal, while all others run, and sleeps for 1 s or uses that much CPU time (5 s where it was not
 * possible to interrupt it).  If not, parking may be tried again.
 */
bool ckpt_unresponsive_stays(struct ckpt_park *park);

/**
 * Set @error with the names of the missing threads and their reasons.
 * @param early  before the time limit: name only threads that block the signal
 * @return -1
 */
int ckpt_unresponsive_report(struct ckpt_park *park, bool early, struct ckpt_error *error);

#endif
