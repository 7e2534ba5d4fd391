/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Detects threads that HotSpot has started for a signal that ends the JVM, by their names.
 */
#ifndef CKPT_HOTSPOT_PARKED_ENDING_THREADS_H
#define CKPT_HOTSPOT_PARKED_ENDING_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parked_threads.h"

/** The message with which such a JVM is refused. */
#define CKPT_ENDING                                                                                \
    "the JVM is ending (System.exit(), SIGTERM, SIGINT or SIGHUP): a process restored from its "   \
    "image would end at once; take the checkpoint earlier"

#define CKPT_ENDING_SIGNALS 3
#define CKPT_ENDING_BUSY_MAX 8

/** The signals, with Java's names of the signal and of its thread. */
extern const struct ckpt_ending_signal {
    const char *name, *thread;
} ckpt_ending_signals[CKPT_ENDING_SIGNALS];

/** Threads of the application's handlers that do not end the JVM; set by ending_signal.c. */
extern struct ckpt_ending_busy {
    uint32_t tids[CKPT_ENDING_BUSY_MAX];
    size_t count;
} ckpt_ending_busy;

/** The index of the signal that a thread of this name handles; -1: none. */
int ckpt_ending_threads_signal(const char *thread);

/** Whether a thread exists that is about to end the JVM because of a signal. */
bool ckpt_ending_threads_exist(const struct ckpt_parked_threads *threads);

#endif
