/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where the JDK and libraries keep the state of random generators: a table.
 */
#ifndef CKPT_HOTSPOT_RENEW_LIBRARY_GENERATORS_H
#define CKPT_HOTSPOT_RENEW_LIBRARY_GENERATORS_H

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

#endif
