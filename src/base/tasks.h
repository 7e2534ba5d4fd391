/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The threads of the process, as /proc/self/task shows them.
 */
#ifndef CKPT_BASE_TASKS_H
#define CKPT_BASE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How many threads the process has; 0 if /proc does not tell. */
uint64_t ckpt_tasks_count(void);

/**
 * A thread for ckpt_tasks_each(): its @tid as gettid() returns it, and its @name in
 * /proc/self/task, another number where /proc is that of an outer PID namespace.
 * @return whether to continue with the next one
 */
typedef bool ckpt_task_fn(int tid, const char *name, void *context);

/** Call @visit for each thread but the caller. 0 or a negative errno value. */
long ckpt_tasks_each(ckpt_task_fn *visit, void *context);

/** What /proc shows of one thread. */
struct ckpt_task {
    char name[16];    /**< "?" if unknown */
    char state;       /**< as in ps: R, S, D, T, t, Z; 0 if unknown */
    uint64_t blocked; /**< the mask of blocked signals; bit 0 is signal 1 */
    uint64_t cpu;     /**< CPU time in ticks */
};

/** Read about the thread that is @name in /proc/self/task; false if it is gone. */
bool ckpt_tasks_read(const char *name, struct ckpt_task *ret);

#endif
