/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Signals that wait to be delivered: taken for the image, and sent again when the threads continue.
 */
#ifndef CKPT_ENGINE_PARKED_PENDING_SIGNALS_H
#define CKPT_ENGINE_PARKED_PENDING_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ckpt_park;

#define CKPT_PENDING_MAX 1024u

/** A signal that was taken. */
struct ckpt_pending_signal {
    uint32_t slot; /**< of the thread that it is for; CKPT_PARK_COORDINATOR, CKPT_PARK_PROCESS */
    uint32_t reserved;
    siginfo_t info;
};

/**
 * On the coordinator, while all threads are parked: take all pending signals, those for the process
 * and those for each thread. They are sent again by ckpt_pending_signals_send().
 * @return 0, or -1: there are too many, or one of them ends the process
 */
int ckpt_pending_signals_take(struct ckpt_park *park, struct ckpt_error *error);

/**
 * On a parked thread, when the coordinator asks for it: take one of its signals of the set @mask.
 * False: there is none.
 */
bool ckpt_pending_signals_take_own(struct ckpt_park *park, uint32_t slot, uint64_t mask);

/**
 * Likewise: send its signals again, and those for the process if it is the first thread. Uses
 * little of the stack.
 */
void ckpt_pending_signals_send_own(struct ckpt_park *park, uint32_t slot);

/** In a restored process: forget requests for a checkpoint that were made before. */
void ckpt_pending_signals_restored(struct ckpt_park *park);

/** On the coordinator, before threads continue, here or in a restored process: send them again. */
void ckpt_pending_signals_send(struct ckpt_park *park);

#endif
