/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * System calls that parking interrupted, of which the application should not notice anything.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_INTERRUPTED_CALLS_H
#define CKPT_ENGINE_BUILTIN_PARKED_INTERRUPTED_CALLS_H

#include <signal.h>
#include <stdbool.h>

/**
 * On a thread that leaves the waiting place: if its wait ended with EINTR because of our signal
 * alone, have it wait on when it returns from the signal.
 * @param clock_changed  moments of the monotonic clock mean something else than before
 */
void ckpt_calls_continue(ucontext_t *frame, bool clock_changed);

#endif
