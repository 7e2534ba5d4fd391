/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * All obstacles to a checkpoint, as lines "TYPE:text", or "TYPE N:text" for descriptor N.
 *
 * TYPE is file, socket, resource or error. The Java code makes an exception of each line, the
 * command prints them. Parked code adds lines too: fixed memory, no libc.
 */
#ifndef CKPT_ENGINE_REPORT_H
#define CKPT_ENGINE_REPORT_H

#include <stddef.h>

#define CKPT_REPORT_MAX 32768

struct ckpt_report {
    size_t used, count;
    int about; /**< number + 1 of the descriptor that further lines are about; 0: none */
    char text[CKPT_REPORT_MAX]; /**< lines, each ending with '\n', then a zero byte */
};

/** Remove all lines of the report. */
void ckpt_report_clear(struct ckpt_report *report);

/** Remove the lines added since the report had this @count and @used. */
void ckpt_report_truncate(struct ckpt_report *report, size_t count, size_t used);

/** Remove the lines that are not in @other too. */
void ckpt_report_keep(struct ckpt_report *report, const struct ckpt_report *other);

/**
 * Add an obstacle, unless the same line is in the report. Lines that do not fit are only counted,
 * and the last line says so.
 * @param type "file", "socket", "resource" or "error"
 */
void ckpt_report_add(struct ckpt_report *report, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
