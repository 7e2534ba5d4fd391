/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Sets and extends an error. Text that does not fit is cut off.
 */
#include "base/error.h"

#include "base/raw.h"

/* "what; hint" becomes "what: reason; hint"; the hint begins at @at. */
static void insert_reason(struct ckpt_error *error, size_t at)
{
    char rest[CKPT_ERROR_MAX / 2];

    ckpt_raw_format(rest, sizeof rest, "%s", error->text + at);
    ckpt_raw_format(error->text + at, sizeof error->text - at, ": %s%s",
                    ckpt_raw_errno(error->number), rest);
}

int ckpt_error_set(struct ckpt_error *error, int number, const char *format, ...)
{
    va_list arguments;
    size_t hint;

    error->number = number;
    va_start(arguments, format);
    ckpt_raw_vformat_message(error->text, sizeof error->text, &hint, format, arguments);
    va_end(arguments);
    if (number)
        insert_reason(error, hint);
    return -1;
}

int ckpt_error_prefix(struct ckpt_error *error, const char *format, ...)
{
    char context[CKPT_ERROR_MAX / 2];
    char whole[CKPT_ERROR_MAX];
    va_list arguments;

    va_start(arguments, format);
    ckpt_raw_vformat(context, sizeof context, format, arguments);
    va_end(arguments);
    ckpt_raw_format(whole, sizeof whole, "%s: %s", context, error->text);
    __builtin_memcpy(error->text, whole, sizeof whole);
    return -1;
}

int ckpt_error_append(struct ckpt_error *error, const char *format, ...)
{
    size_t used = ckpt_raw_length(error->text);
    va_list arguments;

    va_start(arguments, format);
    ckpt_raw_vformat(error->text + used, sizeof error->text - used, format, arguments);
    va_end(arguments);
    return -1;
}
