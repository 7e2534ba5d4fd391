/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Interval timers (setitimer) and POSIX timers (timer_create) of the process.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_PROCESS_TIMERS_H
#define CKPT_ENGINE_BUILTIN_FREEZE_PROCESS_TIMERS_H

#include "base/error.h"
#include "engine/parked/park.h"
#include "engine/report.h"

/** In each walk: refuse in the report what cannot be made again. */
int ckpt_process_timers_check(struct ckpt_report *report, struct ckpt_error *error);

/** While all threads are parked: read the timers, for the restored process. */
void ckpt_process_timers_record(const struct ckpt_park *park);

/**
 * In the restored process, when all threads have their TIDs and none runs: make the timers again,
 * under their old numbers.
 * @param warnings  gets a line for a timer that the kernel does not make
 */
void ckpt_process_timers_restore(const struct ckpt_park *park, struct ckpt_report *warnings);

#endif
