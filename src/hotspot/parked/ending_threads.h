/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads that HotSpot has started for a signal that ends a JVM, known by their names.
 */
#ifndef CKPT_HOTSPOT_PARKED_ENDING_THREADS_H
#define CKPT_HOTSPOT_PARKED_ENDING_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parked_threads.h"

/** Why the JVM is not frozen then, a message. */
#define CKPT_ENDING                                                                                \
    "the JVM is ending (System.exit(), SIGTERM, SIGINT or SIGHUP): what is restored from "         \
    "an image of it would end at once; ask for the checkpoint before"

#define CKPT_ENDING_SIGNALS 3
#define CKPT_ENDING_BUSY_MAX 8

/** The signals, by the names that Java gives them and the threads for them. */
extern const struct ckpt_ending_signal {
    const char *name, *thread;
} ckpt_ending_signals[CKPT_ENDING_SIGNALS];

/** Threads of the application's own handlers, which do something else; ending_signal.c fills it in.
 */
extern struct ckpt_ending_busy {
    uint32_t tids[CKPT_ENDING_BUSY_MAX];
    size_t count;
} ckpt_ending_busy;

/** The index of the signal that a thread of that name is for; -1: none. */
int ckpt_ending_signal_of(const char *thread);

/** Whether a thread is about to end the JVM for a signal. */
bool ckpt_ending_by_signal(const struct ckpt_parked_threads *threads);

#endif
