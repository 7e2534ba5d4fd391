/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The refusal of perf events, the same for their descriptors and their memory, so that the report
 * has it once.
 */
#include "engine/builtin/parked/gather.h"

void ckpt_perf_events_refuse(struct ckpt_report *report)
{
    int about = report->about;

    report->about = 0;
    ckpt_report_refuse(
        report, "resource",
        "stop it (async-profiler: 'asprof stop PID', or start it with event=ctimer or itimer, "
        "which a checkpoint keeps)",
        "native code in the JVM counts events of the kernel (perf_event_open), as a profiler does");
    report->about = about;
}
