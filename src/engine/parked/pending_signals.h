/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Signals that wait to be delivered: taken for the image, and sent again when the threads continue.
 */
#ifndef CKPT_ENGINE_PARKED_PENDING_SIGNALS_H
#define CKPT_ENGINE_PARKED_PENDING_SIGNALS_H

#include <signal.h>
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

/** On a parked thread, when the coordinator asks for it: take its own signals of the set @mask. */
void ckpt_pending_signals_take_own(struct ckpt_park *park, uint32_t slot, uint64_t mask);

/** Before the calling thread continues, here or in a restored process: send its signals again. */
void ckpt_pending_signals_send(struct ckpt_park *park, uint32_t slot);

#endif
