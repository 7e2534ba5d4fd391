/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Renews the random generators whose instances a walk over the heap finds: of classes of the JDK
 * and of libraries that have a row in library_generators.h, and every SecureRandom of any provider.
 *
 *  - If a row of library_generators.h describes the class, its state is overwritten: while the
 *    threads are parked if that is possible (raw_memory.h), and again when they run.
 *  - Each other SecureRandom gets a new seed when the threads run (secure_random.h).
 *  - All others are listed by ckpt_generators_not_renewed().
 */
#ifndef CKPT_HOTSPOT_RENEW_GENERATORS_H
#define CKPT_HOTSPOT_RENEW_GENERATORS_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * Before the freeze: tag the classes and walk over the heap. The results stay valid until
 * ckpt_generators_prepare() ends the walk.
 * @param seeded  include rows with CKPT_GENERATOR_SEEDED
 */
void ckpt_generators_walk(JNIEnv *env, bool seeded);

/** Before the freeze: find the places to write, and generators that cannot be renewed. */
void ckpt_generators_prepare(JNIEnv *env);

/** In the restored process, while all threads run. Logs what could not be renewed. */
void ckpt_generators_renew(JNIEnv *env);

/** Free everything. */
void ckpt_generators_discard(JNIEnv *env);

/**
 * Generators that were found but are not renewed, as words "COUNT CLASS", each ended by a zero
 * byte.
 * @return their size; valid until the next ckpt_generators_prepare()
 */
size_t ckpt_generators_not_renewed(const char **ret_words);

#endif
