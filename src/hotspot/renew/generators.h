/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Random generators that are found by a walk over the heap: those of the JDK that have instances,
 * those of libraries, and every SecureRandom of any provider.
 *
 *  - Of a class that a row of library_generators.c knows, the state is overwritten: while the
 * threads are
 *    parked where that is possible (raw_memory.h), and again when they run.
 *  - Each other SecureRandom is given a new seed (secure_random.h), when the threads run.
 *  - What is left is named: ckpt_generators_kept().
 */
#ifndef CKPT_HOTSPOT_RENEW_GENERATORS_H
#define CKPT_HOTSPOT_RENEW_GENERATORS_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

#define CKPT_GENERATOR_EXACT 1u                           /**< not its subclasses */
#define CKPT_GENERATOR_SEEDED (2u | CKPT_GENERATOR_EXACT) /**< only if the user says so */
#define CKPT_GENERATOR_FIELDS 40

/**
 * A class and its state.  A name with a slash at its end is a package: a class of it with any of
 * the fields is meant.  Fields may be static, and inherited; what is written depends on their type:
 * numbers and arrays of them get random bits; a boolean becomes false and a double NaN (a number
 * that was drawn ahead is gone); AtomicLong, AtomicInteger and java.util.Random are followed.  In
 * front of a name '?': need not exist.  After it "/BITS": as many random bits; "=min": the lowest
 * number; "=pid": the process ID, if it was that; ">NAME": that field of the object it refers to.
 */
struct ckpt_generator_row {
    const char *class; /**< as in "java/util/Random" */
    const char *fields[CKPT_GENERATOR_FIELDS];
    unsigned flags;
};

extern const struct ckpt_generator_row ckpt_generator_rows[];
extern const size_t ckpt_generator_row_count;

/**
 * Before the freeze: tag the classes and walk over the heap; the walk stays open.
 * @param seeded  rows with CKPT_GENERATOR_SEEDED are meant too
 */
void ckpt_generators_walk(JNIEnv *env, bool seeded);

/** The number under which instances of @name are found by the walk; -1: none. */
long ckpt_generators_type(const char *name);

/** This object, an instance of a generator, is another row's business: do not count it as kept. */
void ckpt_generators_claim(jobject object);

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
