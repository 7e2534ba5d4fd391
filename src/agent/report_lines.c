/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See report_lines.h. Runs on the requester's thread, while the JVM runs.
 */
#include "agent/report_lines.h"

#include <stdio.h>
#include <stdlib.h>

#define SINGLE_LINES 3 /* so many obstacles of one kind have a line each */
#define NUMBERS_MAX 10 /* descriptors that are named with the first one */

static size_t start_of(const struct ckpt_report *report, size_t line)
{
    return line ? report->lines[line - 1].end : 0;
}

/* The number in "TYPE NUMBER:TEXT", or -1. */
static int descriptor_of(const struct ckpt_report *report, size_t line)
{
    int number;

    return sscanf(report->text + start_of(report, line), "%*[a-z] %d:", &number) == 1 ? number : -1;
}

/* " (descriptors 8, 9, ...)": those of the group after line @first; nothing if there are none. */
static void put_numbers(FILE *out, const struct ckpt_report *report, size_t first, unsigned others)
{
    unsigned named = 0;

    for (size_t i = first + 1; i < report->stored && named < NUMBERS_MAX; i++) {
        int number =
            report->lines[i].group == report->lines[first].group ? descriptor_of(report, i) : -1;

        if (number >= 0)
            fprintf(out, "%s%d", named++ ? ", " : " (descriptors ", number);
    }
    if (named)
        fputs(named < others ? ", ...)" : ")", out);
}

/* Line @first with the number of others of its group. */
static void put_summary(FILE *out, const struct ckpt_report *report, size_t first, unsigned others)
{
    const char *line = report->text + start_of(report, first);
    int length = (int)(report->lines[first].end - start_of(report, first) - 1);
    int said = report->lines[first].remedy;

    fprintf(out, "%.*s, and %u more like it", said, line, others);
    put_numbers(out, report, first, others);
    fprintf(out, "%.*s", length - said, line + said);
}

/* How many other obstacles line @line stands for: 0 if it stands for itself, -1 if another does. */
static int others_of(const struct ckpt_report *report, size_t line)
{
    size_t index = report->lines[line].group;
    const struct ckpt_report_group *group = &report->groups[index];

    if (index >= CKPT_REPORT_GROUPS || group->stored + group->more <= SINGLE_LINES)
        return 0;
    for (size_t i = 0; i < line; i++)
        if (report->lines[i].group == index)
            return -1;
    return (int)(group->stored + group->more - 1);
}

void ckpt_report_each_line(const struct ckpt_report *report, bool single,
                           bool (*take)(void *context, const char *line), void *context)
{
    bool more = true;

    for (size_t i = 0; i < report->stored && more; i++) {
        int others = single ? 0 : others_of(report, i);
        size_t start = start_of(report, i), size;
        char *line = NULL;
        FILE *out = others < 0 ? NULL : open_memstream(&line, &size);

        if (!out)
            continue;
        if (others)
            put_summary(out, report, i, (unsigned)others);
        else
            fprintf(out, "%.*s", (int)(report->lines[i].end - start - 1), report->text + start);
        if (fclose(out) == 0)
            more = take(context, line);
        free(line);
    }
    if (more && report->lost)
        take(context, "error:there are more reasons than fit into this report");
}
