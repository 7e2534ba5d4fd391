/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Writes into Java objects while all threads are parked. renew/raw_memory.c prepares the list of
 * writes before the freeze.
 */
#ifndef CKPT_HOTSPOT_PARKED_OBJECT_WRITES_H
#define CKPT_HOTSPOT_PARKED_OBJECT_WRITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* length of the trial array; no other field of its header has this value */
#define CKPT_TRIAL_LENGTH 77

/** The memory cell of a global reference, which contains the object's address. */
typedef char *const ckpt_object_cell;

/** A place to write to: a field of an object. */
struct ckpt_object_write {
    ckpt_object_cell *object;
    uint32_t at;
    enum { CKPT_WRITE_RANDOM, CKPT_WRITE_VALUE, CKPT_WRITE_ARRAY, CKPT_WRITE_PID } kind;
    unsigned size;  /**< size of the field, or of each element of an array */
    uint64_t value; /**< for RANDOM: the mask; for VALUE: the value to write */
};

extern struct ckpt_object_writes {
    struct ckpt_object_write *list;
    size_t count;
    /**
     * Trial objects, whose content is known: an array, an object that refers to it, a number. NULL:
     * they do not exist.
     */
    ckpt_object_cell *array, *reference, *number;
    uint32_t reference_at, number_at;
    unsigned char bytes[CKPT_TRIAL_LENGTH];
    int64_t number_value;
    bool has_narrow;    /**< references in objects have 32 bits */
    uint32_t alignment; /**< alignment of objects */
} ckpt_object_writes;

/** Before the image is written: decide whether objects can be written to. */
void ckpt_object_writes_check(bool at_rest);

/** In the restored process: write to all places. */
void ckpt_object_writes_apply(void);

/** Forget all places, so that nothing is written. For ordinary code, which then frees the list. */
void ckpt_object_writes_discard(void);

#endif
