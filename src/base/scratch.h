/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Memory for code that runs while threads are parked: one anonymous mapping, allocated from its
 * start upwards and unmapped as a whole.
 *
 * It is left out of the image. Arrays grow by doubling and abandon their old copy; the mapping is
 * large, and its pages are allocated only when used.
 */
#ifndef CKPT_BASE_SCRATCH_H
#define CKPT_BASE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ckpt_scratch {
    char *start;
    size_t size, used;
};

/** A growing array of equal elements in scratch space. */
struct ckpt_array {
    void *data;
    size_t count, capacity, element;
};

/** Map @size bytes, or less if the kernel refuses so much. 0 or -1. */
int ckpt_scratch_open(struct ckpt_scratch *scratch, size_t size, struct ckpt_error *error);

/** Unmap it. Does nothing if it is not mapped. */
void ckpt_scratch_close(struct ckpt_scratch *scratch);

/** Zeroed memory, aligned to 16 bytes, or NULL with @error set. */
void *ckpt_scratch_take(struct ckpt_scratch *scratch, size_t size, struct ckpt_error *error);

/** Make @array empty, for elements of @element bytes. */
void ckpt_array_init(struct ckpt_array *array, size_t element);

/** Append @count zeroed elements. Returns the first of them, or NULL with @error set. */
void *ckpt_array_add(struct ckpt_array *array, struct ckpt_scratch *scratch, size_t count,
                     struct ckpt_error *error);

/** Element @index, which must exist. */
static inline void *ckpt_array_at(const struct ckpt_array *array, size_t index)
{
    return (char *)array->data + index * array->element;
}

#endif
