/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What stands against a checkpoint, all of it in one go: a list of lines "TYPE:text", or
 * "TYPE N:text" if it is about descriptor N.
 *
 * TYPE is file, socket, resource or error; the Java side makes an exception of each line, the
 * command prints them.  Filled in parked processes too: fixed memory, no libc.
 */
#ifndef CKPT_ENGINE_REPORT_H
#define CKPT_ENGINE_REPORT_H

#include <stddef.h>

#define CKPT_REPORT_MAX 32768

struct ckpt_report {
    size_t used, count;
    int about; /**< what is added is about this descriptor, its number plus one; 0: about none */
    char text[CKPT_REPORT_MAX]; /**< lines ending with '\n', and a zero byte */
};

/** Make it empty. */
void ckpt_report_clear(struct ckpt_report *report);

/** Take back what was added since it had that @count and was that much @used. */
void ckpt_report_forget(struct ckpt_report *report, size_t count, size_t used);

/**
 * Add one refusal, unless it is there already.  What no longer fits is counted, and the last line
 * says that there is more.
 * @param type "file", "socket", "resource" or "error"
 */
void ckpt_report_add(struct ckpt_report *report, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
