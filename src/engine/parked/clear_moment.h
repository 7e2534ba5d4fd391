/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A clear moment: one at which nothing prevents a freeze. Some obstacles exist only for a moment,
 * such as the connection of one request. They are waited for; an obstacle that stays is refused.
 */
#ifndef CKPT_ENGINE_PARKED_CLEAR_MOMENT_H
#define CKPT_ENGINE_PARKED_CLEAR_MOMENT_H

#include <stdbool.h>

#include "base/error.h"
#include "engine/parked/park.h"
#include "engine/report.h"

/** How an engine finds obstacles. */
struct ckpt_obstacle_search {
    /** Add the obstacles to @report. Called while threads run, and while they are parked. */
    int (*inspect)(void *context, struct ckpt_report *report, struct ckpt_error *error);
    void *context;
    const struct ckpt_park_options *park;
};

/**
 * Remove short-lived obstacles from @report, which an inspection has filled: only those stay that
 * each further inspection finds, while all threads are parked, while they run, and while they are
 * parked again. If the threads cannot be parked, the inspections while they run decide.
 */
int ckpt_clear_moment_confirm(const struct ckpt_obstacle_search *search, struct ckpt_report *report,
                              struct ckpt_error *error);

/**
 * While threads run, wait until nothing prevents the freeze, for a limited time.
 * @param report  is overwritten
 */
void ckpt_clear_moment_wait(const struct ckpt_obstacle_search *search, struct ckpt_report *report);

/**
 * Attempt a freeze until no obstacle prevents it, or one stays. An obstacle that did not exist at
 * the pre-check may be short-lived: then the attempt is repeated, more often while each finds other
 * obstacles.
 * @param attempt  parks the threads and releases them. true: the obstacles in the report, which was
 *                 empty, are the only reason for its failure
 */
void ckpt_clear_moment_repeat(bool (*attempt)(void *context, struct ckpt_report *report),
                              void *context, struct ckpt_park *session, struct ckpt_report *report);

#endif
