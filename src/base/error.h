/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * An error: the kernel's errno value and a text for people.
 *
 * The caller owns a `struct ckpt_error`, usually on its stack, and passes it as the last argument.
 * A function that fails sets it once and returns a negative number; it never prints or exits.
 * Setting an error allocates nothing and uses no libc formatting, so parked code may do it (raw.h).
 */
#ifndef CKPT_BASE_ERROR_H
#define CKPT_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define CKPT_ERROR_MAX 1024

/** An error. It has no pointers: copies are independent. */
struct ckpt_error {
    int number;                /**< errno value; 0 if no system call failed */
    char text[CKPT_ERROR_MAX]; /**< lower case, quoted paths, a hint at the end if there is one */
};

/**
 * Set @error and return -1, so that callers can write `return ckpt_error_set(...)`.
 *
 * @param number  a positive errno value or 0; its meaning is added to the text, before a "; hint"
 * @param format  what ckpt_raw_vformat() knows
 */
int ckpt_error_set(struct ckpt_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Put "context: " before the present text, for a caller that knows more. Returns -1.
 */
int ckpt_error_prefix(struct ckpt_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Put a text after the present one, such as "; hint". Returns -1. */
int ckpt_error_append(struct ckpt_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
