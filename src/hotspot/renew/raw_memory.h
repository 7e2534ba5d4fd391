/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Writes into Java objects while every thread is parked, so that in a restored process no thread
 * draws from a generator before it has new state, or sees the old process ID.  JNI cannot be used
 * then: it may wait for others.
 *
 * Only for collectors that move objects while the world is stopped (those that heap.c knows) and
 * only if the heap was at rest when the process was frozen: a global reference then leads to the
 * object.  Where fields are is asked of the JVM; what it says is tried on objects made for that,
 * among the parked, before it is believed.  Where anything differs nothing is written here, and
 * ckpt_renew() alone does the work, some microseconds later.
 */
#ifndef CKPT_HOTSPOT_RENEW_RAW_MEMORY_H
#define CKPT_HOTSPOT_RENEW_RAW_MEMORY_H

#include <jni.h>
#include <stdbool.h>
#include <stdint.h>

/** Before the first place is added; takes back all that were. */
void ckpt_renew_raw_begin(JNIEnv *env);

/** The field @id of @object, a global reference, of @size bytes: random bits under @mask. */
void ckpt_renew_raw_random(JNIEnv *env, jobject object, jfieldID id, unsigned size, uint64_t mask);

/** The field @id, of @size bytes: this value. */
void ckpt_renew_raw_value(JNIEnv *env, jobject object, jfieldID id, unsigned size, uint64_t value);

/** The array that the field @id leads to, of elements of @unit bytes: random bytes. */
void ckpt_renew_raw_array(JNIEnv *env, jobject object, jfieldID id, unsigned unit);

/** The field @id, of @size bytes: the process ID of the process that writes. */
void ckpt_renew_raw_process(JNIEnv *env, jobject object, jfieldID id, unsigned size);

/** Among the parked, before the image is written: may objects be written to, and do we know how? */
void ckpt_renew_raw_check(bool at_rest);

/** Among the parked, in the restored process: do it. */
void ckpt_renew_raw_write(void);

/** Give back what is held. */
void ckpt_renew_raw_end(JNIEnv *env);

#endif
