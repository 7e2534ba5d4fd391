/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Restarts system calls that parking interrupted, so that the application does not notice it.
 */
#ifndef CKPT_ENGINE_PARKED_INTERRUPTED_CALLS_H
#define CKPT_ENGINE_PARKED_INTERRUPTED_CALLS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * Called on a thread that is released, in the signal handler. If its system call ended with EINTR
 * only because of our signal, change @frame so that the call is made again after the handler.
 * @param clock_changed  the process was restored, and absolute times of the monotonic clock have
 *                       another meaning than before
 * @param elapsed_ns     the process was restored, and this time has passed since the call began: a
 *                       timeout that is not an absolute time is that much shorter
 */
void ckpt_interrupted_calls_restart(ucontext_t *frame, bool clock_changed, int64_t elapsed_ns);

#endif
