/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Perf events: the kernel does not show what they count, so they are refused. A profiler has one
 * for each thread, and memory of each (perf_events.c): all of them are one obstacle.
 */
#include "base/raw.h"
#include "engine/builtin/fd/kind.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, CKPT_PERF_EVENT);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    (void)live;
    (void)entry;
    (void)error;
    ckpt_perf_events_refuse(gather->report);
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_perf_event = {
    .name = "perf event",
    .support =
        {
            .object = "events that native code counts (`perf_event_open`), as profilers do",
            .refused = "always: stop the profiler; async-profiler works with `event=ctimer` and "
                       "`event=itimer`",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .matches = matches,
    .freeze = freeze,
};
