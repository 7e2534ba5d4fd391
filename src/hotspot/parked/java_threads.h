/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot's Java threads, as the JVM lists them itself.  java_threads.c of the folder above finds
 * out where that is.
 */
#ifndef CKPT_HOTSPOT_PARKED_JAVA_THREADS_H
#define CKPT_HOTSPOT_PARKED_JAVA_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/** Addresses in libjvm, and offsets; NULL and -1: this JVM has no such thing. */
extern struct ckpt_java_threads {
    char *const *list;          /**< an array of them (from JDK 10 on) */
    int64_t array_at, count_at; /**< in the array's description */
    char *const *first;         /**< a chain (before) */
    int64_t next_at;            /**< in a thread, as all below */
    int64_t state_at;
    int64_t stack_base_at, stack_size_at;
} ckpt_java_threads;

/** Whether there is a list that can be followed. */
bool ckpt_java_threads_are_listed(void);

/** One pass over the list; begins with all zero. */
struct ckpt_java_thread_pass {
    const char *thread; /**< the thread that was given last */
    uint32_t count;     /**< how many there were */
};

/** The next thread, an address; NULL after the last.  Plain loads: while parked. */
const char *ckpt_java_threads_next(struct ckpt_java_thread_pass *pass);

#endif
