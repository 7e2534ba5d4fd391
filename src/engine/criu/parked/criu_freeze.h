/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A freeze by CRIU, in the JVM.
 */
#ifndef CKPT_ENGINE_CRIU_PARKED_CRIU_FREEZE_H
#define CKPT_ENGINE_CRIU_PARKED_CRIU_FREEZE_H

#include <stddef.h>

#include "engine/criu/parked/driver_watch.h"
#include "engine/criu/parked/make_offer.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "engine/parked/park.h"
#include "engine/report.h"
#include "image/mailbox.h"

/** The options of a freeze, and its state, which is in the image. */
struct ckpt_criu_freeze {
    const struct ckpt_host *host;
    struct ckpt_park_options park;
    struct ckpt_mailbox *mailbox;
    int *own_fds; /**< the agent's, which are given away; room for one more */
    size_t own_fd_count;
    struct ckpt_driver_watch watch;
    int connection;            /**< to the driver */
    unsigned kept_connections; /**< by options of criu: enum ckpt_connections (engine.h) */
    struct ckpt_offer offer;
};

/**
 * The pre-check, while the JVM runs: add to @report what prevents the freeze and is not
 * short-lived.
 */
int ckpt_criu_freeze_check(struct ckpt_criu_freeze *freeze, struct ckpt_report *report,
                           struct ckpt_error *error);

/**
 * Park all threads, let the driver dump the process, and release them: here if that fails or the
 * JVM continues, and in the restored process.
 */
enum ckpt_freeze_result ckpt_criu_freeze(struct ckpt_criu_freeze *freeze,
                                         struct ckpt_report *report);

#endif
