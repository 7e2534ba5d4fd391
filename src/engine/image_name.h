/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Patterns in the name of an image directory, with CRaC's letters and meanings: "img-%p-%05g". The
 * manual lists them. Each place that takes a directory to write to takes a pattern, so a percent
 * sign itself is written "%%".
 */
#ifndef CKPT_ENGINE_IMAGE_NAME_H
#define CKPT_ENGINE_IMAGE_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CKPT_IMAGE_NAME_WIDTH_MAX 64 /* a number's width; a name has at most 255 bytes */

/** What the patterns are replaced by. Times are in seconds since 1970. */
struct ckpt_image_name_values {
    const char *architecture; /**< %a: Java's name of it, "amd64" */
    const char *features;     /**< %f: the processor's features, in hexadecimal */
    const char *uuid;         /**< %u: random */
    int64_t now;              /**< %t, %T: when the checkpoint began */
    int64_t started;          /**< %b, %B: when the JVM was first started */
    int64_t restored;         /**< %r, %R: when it was last restored, or else started */
    uint64_t pid;             /**< %p */
    uint64_t processors;      /**< %c: that the JVM uses */
    uint64_t max_heap;        /**< %m: bytes */
    uint64_t generation;      /**< %g: 1 for the first checkpoint, 2 for the next */
};

/** Check a pattern: 0, or -1 with the part that is wrong. */
int ckpt_image_name_check(const char *pattern, struct ckpt_error *error);

/**
 * Make @pattern absolute: if it is relative it is below @cwd, whose percent signs are doubled.
 * Writes at most @size bytes with the final zero. 0, or -1: too long.
 */
int ckpt_image_name_absolute(const char *pattern, const char *cwd, char *ret, size_t size,
                             struct ckpt_error *error);

/** Replace the patterns in @pattern; writes at most @size bytes with the final zero. 0 or -1. */
int ckpt_image_name_expand(const char *pattern, const struct ckpt_image_name_values *values,
                           char *ret, size_t size, struct ckpt_error *error);

#endif
