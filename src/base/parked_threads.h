/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The list of parked threads, for code that need not know how threads are parked.
 */
#ifndef CKPT_BASE_PARKED_THREADS_H
#define CKPT_BASE_PARKED_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct ckpt_parked_thread {
    uint32_t tid;
    const char *name;        /**< the kernel's name of the thread */
    uint64_t pointer;        /**< the thread pointer */
    uint64_t waiting_sp;     /**< the stack pointer while it waits, maybe on an alternate stack */
    const ucontext_t *frame; /**< its state when it was parked; NULL: the coordinator, which runs */
};

struct ckpt_parked_threads {
    const struct ckpt_parked_thread *list; /**< the coordinator is the last one, list[count] */
    uint32_t count;                        /**< number of parked threads, without the coordinator */
};

/**
 * Whether a thread with this frame was waiting in futex(2). Decided only by the frame, so a thread
 * that was just about to call futex(2), or directly after any system call, counts too.
 */
bool ckpt_frame_waits(const ucontext_t *frame);

#endif
