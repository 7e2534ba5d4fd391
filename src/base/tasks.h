/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The threads of this process, from /proc/self/task.
 */
#ifndef CKPT_BASE_TASKS_H
#define CKPT_BASE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The number of threads of this process; 0 if /proc cannot be read. */
uint64_t ckpt_tasks_count(void);

/**
 * Called by ckpt_tasks_each() for a thread: its @tid as gettid() returns it, and its @name in
 * /proc/self/task, which is a different number if /proc shows an outer PID namespace.
 * @return whether to continue with the next thread
 */
typedef bool ckpt_task_fn(int tid, const char *name, void *context);

/** Call @visit for each thread except the caller. 0 or a negative errno value. */
long ckpt_tasks_each(ckpt_task_fn *visit, void *context);

/** A thread's state in /proc. */
struct ckpt_task {
    char name[16];    /**< "?" if unknown */
    char state;       /**< as in ps: R, S, D, T, t, Z; 0 if unknown */
    uint64_t pending; /**< the mask of signals that wait for this thread; bit 0 is signal 1 */
    uint64_t blocked; /**< the mask of blocked signals */
    uint64_t cpu;     /**< CPU time in ticks */
};

/** Read the state of the thread @name in /proc/self/task; false if the thread has ended. */
bool ckpt_tasks_read(const char *name, struct ckpt_task *ret);

/** Read only its state and its signals. */
bool ckpt_tasks_read_signals(const char *name, struct ckpt_task *ret);

#endif
