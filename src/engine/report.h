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

#define CKPT_REPORT_MAX 65536
#define CKPT_REPORT_LINES 1024  /* that are stored */
#define CKPT_REPORT_GROUPS 48   /* in which lines are counted */
#define CKPT_REPORT_OF_GROUP 64 /* lines of one group that are stored */

/** What the engine criu keeps although the built-in engine refuses it; agent/hints.c names it. */
enum ckpt_criu_keeps {
    CKPT_CRIU_KEEPS_NOTHING,
    CKPT_CRIU_KEEPS_CHILDREN,
    CKPT_CRIU_KEEPS_CONNECTIONS,
    CKPT_CRIU_KEEPS_UDP,
    CKPT_CRIU_KEEPS_UNIX,
    CKPT_CRIU_KEEPS_FIFOS,
    CKPT_CRIU_KEEPS_WATCHES,
    CKPT_CRIU_KEEPS_OTHER_SOCKETS,
    CKPT_CRIU_KEEPS_DELETED,
    CKPT_CRIU_KEEPS_TIMERS,
};

/** A line that is stored. */
struct ckpt_report_line {
    uint32_t end; /**< in the text, after its '\n' */
    uint16_t
        remedy;    /**< where its "; remedy" begins, from the line's start; without one: its end */
    uint8_t group; /**< an index; CKPT_REPORT_GROUPS: it is of none */
    uint8_t keeps; /**< enum ckpt_criu_keeps */
};

/** Obstacles of one kind: lines that one format has made for descriptors of one kind. */
struct ckpt_report_group {
    const char *format;
    uint64_t kind;
    unsigned stored, more; /**< lines that are stored, and those that are only counted */
};

struct ckpt_report {
    size_t used;   /**< bytes of the text */
    size_t count;  /**< lines: stored ones, those counted in groups, and lost ones */
    size_t stored; /**< lines in the text */
    size_t lost;   /**< lines for which there was no room */
    int about;     /**< number + 1 of the descriptor that further lines are about; 0: none */
    uint64_t kind; /**< a number for its kind: lines about different kinds form no group */
    size_t last;   /**< the line that was added last; CKPT_REPORT_LINES: it is not stored */
    size_t group_count, last_counted; /**< the group in which a line was only counted last */
    struct ckpt_report_line lines[CKPT_REPORT_LINES];
    struct ckpt_report_group groups[CKPT_REPORT_GROUPS];
    char text[CKPT_REPORT_MAX]; /**< lines, each ending with '\n', then a zero byte */
};

/** Remove all lines of the report. */
void ckpt_report_clear(struct ckpt_report *report);

/** Remove the lines added since the report had this @count and @used. */
void ckpt_report_truncate(struct ckpt_report *report, size_t count, size_t used);

/** Remove the lines that are not in @other too. */
void ckpt_report_keep(struct ckpt_report *report, const struct ckpt_report *other);

/**
 * Add a line, unless the same one is in the report. Where there are many of one kind, further ones
 * are only counted.
 * @param type    "file", "socket", "resource", "error" or "warning"
 * @param format  "what" or "what; remedy", see ckpt_raw_vformat_message(): a name in the text that
 *                has these two characters is not cut
 */
void ckpt_report_add(struct ckpt_report *report, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Add an obstacle: what it is, as a format with its arguments, and what to do about it.
 * @param remedy  a literal: what works here and now, best first; its conversions take their
 *                arguments after those of @format
 */
#define ckpt_report_refuse(report, type, remedy, format, ...)                                      \
    ckpt_report_add(report, type, format "; " remedy, ##__VA_ARGS__)

/* Remedies of many obstacles. */
#define CKPT_CLOSE_IN_HOOK "close it in a beforeCheckpoint hook"
#define CKPT_CLOSE_IT CKPT_CLOSE_IN_HOOK ", or by a policy file"
#define CKPT_CLOSE_OR_REOPEN_IT CKPT_CLOSE_IT ", which can also reopen it"
#define CKPT_CLOSE_BY_NUMBER CKPT_CLOSE_IN_HOOK ", or by a policy rule with its number"
#define CKPT_CLOSE_CONNECTION "use --connections=close, " CKPT_CLOSE_IT
#define CKPT_UNMAP_IT "unmap it in a beforeCheckpoint hook"
#define CKPT_RELEASE_IT "release it in a beforeCheckpoint hook"

/** The line that was added last is about something that the engine criu keeps. */
void ckpt_report_criu_keeps(struct ckpt_report *report, enum ckpt_criu_keeps what);

/** Whether there is such a line. */
bool ckpt_report_has_kept(const struct ckpt_report *report, enum ckpt_criu_keeps what);

/** Add the lines of @other that the report does not have. */
void ckpt_report_merge(struct ckpt_report *report, const struct ckpt_report *other);

#endif
