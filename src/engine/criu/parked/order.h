/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The wait for an order (frozen.h), in the JVM and in the restored process alike.
 */
#ifndef CKPT_ENGINE_CRIU_PARKED_ORDER_H
#define CKPT_ENGINE_CRIU_PARKED_ORDER_H

#include <stdbool.h>

#include "base/error.h"
#include "engine/criu/frozen.h"
#include "engine/criu/parked/driver_watch.h"
#include "engine/criu/parked/make_offer.h"
#include "image/mailbox.h"

/** Listen at the socket that the offer names. A descriptor, or -1. */
int ckpt_order_listen(const struct ckpt_offer *offer, struct ckpt_error *error);

/** Stop listening, and remove the socket unless another process has bound it. */
void ckpt_order_close(const struct ckpt_offer *offer, int listener, bool bound_here);

/** An order that was received and carried out as far as descriptors and parameters go. */
struct ckpt_received {
    enum ckpt_frozen_action action;
    const char *reasons; /**< for CKPT_FROZEN_CANCEL: lines of a report, in a mapping */
    uint64_t mapping, mapping_size;
    bool descriptors_are_lost; /**< those of the agent are /dev/null */
};

/**
 * Wait for an order, as long as it takes, and carry it out: put descriptors back; in a restored
 * process, fill in the mailbox with what the command has sent. A restored process for which that
 * fails ends. If no process drives the freeze any more, that counts as CKPT_FROZEN_CANCEL.
 */
void ckpt_order_wait(const struct ckpt_offer *offer, int listener,
                     const struct ckpt_driver_watch *watch, struct ckpt_mailbox *mailbox,
                     struct ckpt_received *ret);

#endif
