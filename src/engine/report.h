/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * All obstacles to a checkpoint, as lines "TYPE:text", or "TYPE N:text" for descriptor N.
 *
 * TYPE is file, socket, resource or error. The Java code makes an exception of each line, the
 * command prints them. Parked code adds lines too: fixed memory, no libc.
 */
#ifndef CKPT_ENGINE_REPORT_H
#define CKPT_ENGINE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKPT_REPORT_MAX 32768
#define CKPT_REPORT_KEPT_MAX 256 /* lines; further ones are about nothing that criu keeps */

/** What the engine criu keeps although the built-in engine refuses it; agent/hints.c names it. */
enum ckpt_criu_keeps {
    CKPT_CRIU_KEEPS_NOTHING,
    CKPT_CRIU_KEEPS_CHILDREN,
    CKPT_CRIU_KEEPS_CONNECTIONS,
    CKPT_CRIU_KEEPS_UDP,
    CKPT_CRIU_KEEPS_UNIX,
    CKPT_CRIU_KEEPS_FIFOS,
    CKPT_CRIU_KEEPS_WATCHES,
    CKPT_CRIU_KEEPS_SIGNALS,
    CKPT_CRIU_KEEPS_OTHER_SOCKETS,
    CKPT_CRIU_KEEPS_DELETED,
    CKPT_CRIU_KEEPS_TIMERS,
};

struct ckpt_report {
    size_t used, count;
    int about;   /**< number + 1 of the descriptor that further lines are about; 0: none */
    size_t last; /**< the number of the line that was added last, if that was new */
    uint8_t criu_keeps[CKPT_REPORT_KEPT_MAX]; /**< enum ckpt_criu_keeps of each line */
    char text[CKPT_REPORT_MAX];               /**< lines, each ending with '\n', then a zero byte */
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

/** The line that was added last is about something that the engine criu keeps. */
void ckpt_report_criu_keeps(struct ckpt_report *report, enum ckpt_criu_keeps what);

/** Whether there is such a line. */
bool ckpt_report_has_kept(const struct ckpt_report *report, enum ckpt_criu_keeps what);

#endif
