/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Reads HotSpot's list of its Java threads. thread_list.c finds the list.
 */
#ifndef CKPT_HOTSPOT_PARKED_JAVA_THREADS_H
#define CKPT_HOTSPOT_PARKED_JAVA_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/** Addresses in libjvm, and offsets; NULL and -1: this JVM does not have it. */
extern struct ckpt_java_threads {
    char *const *list;          /**< the array of threads (from JDK 10 on) */
    int64_t array_at, count_at; /**< offsets in the structure that describes the array */
    char *const *first;         /**< the linked list of threads (before JDK 10) */
    int64_t next_at;            /**< offset in a thread, as are all that follow */
    int64_t state_at;
    int64_t stack_base_at, stack_size_at;
} ckpt_java_threads;

/** Whether the list was found. */
bool ckpt_java_threads_are_listed(void);

/** The state of one pass over the list; zero at the start. */
struct ckpt_java_thread_pass {
    const char *thread; /**< the thread that was returned last */
    uint32_t count;     /**< how many threads were returned */
};

/** The address of the next thread; NULL after the last. Uses plain loads, so only while parked. */
const char *ckpt_java_threads_next(struct ckpt_java_thread_pass *pass);

#endif
