/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads that never take the signal that parks them, because native code has blocked all signals:
 * they are interrupted by ptrace(2).
 */
#ifndef CKPT_ENGINE_PARKED_BLOCKED_THREADS_H
#define CKPT_ENGINE_PARKED_BLOCKED_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct ckpt_park;

/** How many such threads a process may have. */
#define CKPT_BLOCKED_MAX 64

/** A thread to be interrupted. */
struct ckpt_blocked_thread {
    uint32_t tid;
    bool has_signal; /**< the signal waits for it already */
    long failed;     /**< the result: 0 or a negative errno value */
};

/** Whether a thread was interrupted before: then the signal need not be tried first. */
bool ckpt_blocked_threads_is_known(uint32_t tid);

/**
 * Interrupt these threads: each then runs the handler of park->options.signal.
 * @return 0, or the first negative errno value: all or some are not interrupted
 */
long ckpt_blocked_threads_interrupt(struct ckpt_park *park, struct ckpt_blocked_thread *threads,
                                    uint32_t count);

/** In the restored process: the threads that were interrupted before have other TIDs. */
void ckpt_blocked_threads_renumber(const struct ckpt_park *park);

/** In the handler: let the thread's mask, to which it returns, block the signal again. */
void ckpt_blocked_threads_block_again(ucontext_t *frame, int signal);

#endif
