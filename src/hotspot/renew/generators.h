/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Random generators that are found by a walk over the heap: those of the JDK that have instances,
 * those of libraries, and every SecureRandom of any provider.
 *
 *  - Of a class that a row of library_generators.h knows, the state is overwritten: while the
 *    threads are parked where that is possible (raw_memory.h), and again when they run.
 *  - Each other SecureRandom is given a new seed (secure_random.h), when the threads run.
 *  - What is left is named: ckpt_generators_kept().
 */
#ifndef CKPT_HOTSPOT_RENEW_GENERATORS_H
#define CKPT_HOTSPOT_RENEW_GENERATORS_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * Before the freeze: tag the classes and walk over the heap; the walk stays open.
 * @param seeded  rows with CKPT_GENERATOR_SEEDED are meant too
 */
void ckpt_generators_walk(JNIEnv *env, bool seeded);

/** Before the freeze: look up what there is to write, and what is left; ends the walk. */
void ckpt_generators_prepare(JNIEnv *env);

/** In the restored process, all threads running. What could not be renewed is logged. */
void ckpt_generators_renew(JNIEnv *env);

/** Give back what is held. */
void ckpt_generators_forget(JNIEnv *env);

/**
 * What was found and is not renewed, as words "COUNT CLASS" with a zero byte after each.
 * @return their size; valid until the next ckpt_generators_prepare()
 */
size_t ckpt_generators_kept(const char **ret_words);

#endif
