/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The one error value of the project: what the kernel said, and what a person reads.
 *
 * The caller owns a `struct ckpt_error`, usually on its stack, and passes it as the last argument.
 * A function that fails fills it once and returns a negative number; it never prints, allocates or
 * exits.  Filling works in parked processes too (see raw.h), so there is no libc formatting here.
 */
#ifndef CKPT_BASE_ERROR_H
#define CKPT_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define CKPT_ERROR_MAX 1024

/** An error, complete in itself. */
struct ckpt_error {
    int number;                /**< errno value, 0 when the kernel had no part in it */
    char text[CKPT_ERROR_MAX]; /**< lower case, quoted paths, at the end a hint where one helps */
};

/**
 * Fill @error and return -1, so that callers can write `return ckpt_error_set(...)`.
 *
 * @param number  a positive errno value, or 0; its meaning is put into the text, before a "; hint"
 * @param format  %s %c %d %i %u %x with the modifiers l, ll and z, and %%; nothing else
 */
int ckpt_error_set(struct ckpt_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Put "context: " before the text that is there, once for each layer that knows more. Returns -1.
 */
int ckpt_error_prefix(struct ckpt_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Set @error to "nothing happened". */
void ckpt_error_clear(struct ckpt_error *error);

#endif
