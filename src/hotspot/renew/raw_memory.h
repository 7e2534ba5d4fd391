/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prepares the writes into Java objects that parked/object_writes.h makes while all threads are
 * parked, so that in a restored process no thread uses a generator before it has new state, or
 * reads the old process ID. JNI cannot be used then, because it may wait for other threads.
 *
 * This works only with collectors that move objects only while Java threads are stopped (heap.c
 * supports no others), and only if the heap was at rest at the freeze: then global references lead
 * to the objects. The JVM is asked for the offsets of fields, and while parked they are verified
 * with trial objects. If anything differs, no object is written to while parked, and ckpt_renew()
 * does all writes, some microseconds later.
 */
#ifndef CKPT_HOTSPOT_RENEW_RAW_MEMORY_H
#define CKPT_HOTSPOT_RENEW_RAW_MEMORY_H

#include <jni.h>
#include <stdint.h>

/** Remove all places, and make the trial objects. Call before the first place is added. */
void ckpt_raw_memory_begin(JNIEnv *env);

/** Add the field @id, of @size bytes, of @object, a global reference: random bits under @mask. */
void ckpt_raw_memory_add_random(JNIEnv *env, jobject object, jfieldID id, unsigned size,
                                uint64_t mask);

/** Add a field to be set to @value. */
void ckpt_raw_memory_add_value(JNIEnv *env, jobject object, jfieldID id, unsigned size,
                               uint64_t value);

/** Add the array that the field @id refers to, with elements of @unit bytes: random bytes. */
void ckpt_raw_memory_add_array(JNIEnv *env, jobject object, jfieldID id, unsigned unit);

/** Add a field to be set to the process ID of the restored process. */
void ckpt_raw_memory_add_pid(JNIEnv *env, jobject object, jfieldID id, unsigned size);

/** Free all places and the trial objects. */
void ckpt_raw_memory_discard(JNIEnv *env);

#endif
