/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A table of the fields in which the JDK and libraries keep the state of random generators.
 */
#ifndef CKPT_HOTSPOT_RENEW_LIBRARY_GENERATORS_H
#define CKPT_HOTSPOT_RENEW_LIBRARY_GENERATORS_H

#include <stddef.h>

/** the row does not apply to subclasses */
#define CKPT_GENERATOR_EXACT 1u
/** the row applies only with renew_random=true */
#define CKPT_GENERATOR_SEEDED (2u | CKPT_GENERATOR_EXACT)
#define CKPT_GENERATOR_FIELDS 40

/**
 * A class and the fields of its state. A class name that ends with a slash is a package, and means
 * its generators that have any of the fields. Fields may be static or inherited. The type of a
 * field decides what is written: random bits to numbers and arrays of numbers; false to a boolean
 * and NaN to a double, so that a value generated in advance is dropped. In an AtomicLong,
 * AtomicInteger or java.util.Random the value or seed is written. A name may have a prefix and a
 * suffix:
 *  - ?NAME: the field need not exist;
 *  - NAME/BITS: write only so many random bits;
 *  - NAME=min: write the lowest number of the type;
 *  - NAME=pid: write the process ID, if the field has the old one;
 *  - NAME>FIELD: write to this field of the object that NAME refers to.
 */
struct ckpt_generator_row {
    const char *class; /**< as in "java/util/Random" */
    const char *fields[CKPT_GENERATOR_FIELDS];
    unsigned flags;
};

extern const struct ckpt_generator_row ckpt_generator_rows[];
extern const size_t ckpt_generator_row_count;

#endif
