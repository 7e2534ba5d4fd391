/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The threads of the process while they are parked, for code that need not know how that was done.
 * Only to be read.
 */
#ifndef CKPT_BASE_PARKED_THREADS_H
#define CKPT_BASE_PARKED_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct ckpt_parked_thread {
    uint32_t tid;
    const char *name;        /**< as the kernel has it */
    uint64_t pointer;        /**< its thread pointer */
    uint64_t waiting_sp;     /**< its stack pointer where it waits, maybe on an alternate stack */
    const ucontext_t *frame; /**< what it was doing; NULL: the coordinator, which runs */
};

struct ckpt_parked_threads {
    const struct ckpt_parked_thread *list; /**< the coordinator is the last one, list[count] */
    uint32_t count;                        /**< of those that are parked */
};

/**
 * Whether a thread with that frame was waiting in futex(2).  From the frame alone, so a thread that
 * only looks like it counts too.
 */
bool ckpt_frame_waits(const ucontext_t *frame);

#endif
