/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * How the kernel schedules each thread: nice value, policy, I/O priority, processors. See
 * scheduling.c for what is kept and what a restored thread gets from the command.
 */
#ifndef CKPT_ENGINE_PARKED_SCHEDULING_H
#define CKPT_ENGINE_PARKED_SCHEDULING_H

#include <stddef.h>
#include <stdint.h>

struct ckpt_park;
struct ckpt_report;

#define CKPT_CPU_WORDS 16 /* 1024 processors, as glibc's cpu_set_t */

/** The struct sched_attr of sched_setattr(2), which older headers do not have. */
struct ckpt_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};

/** One thread whose scheduling is not what a new process has. */
struct ckpt_scheduling {
    uint32_t slot; /**< the thread's slot, or CKPT_PARK_COORDINATOR */
    uint32_t kept; /**< what of the following differs: KEEPS_* of scheduling.c */
    int32_t nice;
    uint32_t io_priority;
    struct ckpt_sched_attr attr;
    uint64_t cpus[CKPT_CPU_WORDS];
};

/** Note what the process has inherited. Called when the agent is loaded. */
void ckpt_scheduling_note_inherited(void);

/** While all threads are parked: list in park->scheduling the threads that differ. */
void ckpt_scheduling_record(struct ckpt_park *park);

/**
 * In the restored process, when all threads are there: make what was recorded.
 * @param warnings  gets one line for each thing that this process may not set
 */
void ckpt_scheduling_restore(struct ckpt_park *park, struct ckpt_report *warnings);

#endif
