/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See report.h.
 */
#include "engine/report.h"

#include <stdarg.h>

#include "base/raw.h"

#define LONGEST_LINE 1024
#define RESERVED 64 /* for the line that says that the report is incomplete */

void ckpt_report_clear(struct ckpt_report *report)
{
    report->used = report->count = 0;
    report->about = 0;
    report->text[0] = '\0';
}

void ckpt_report_truncate(struct ckpt_report *report, size_t count, size_t used)
{
    report->count = count;
    report->used = used;
    report->text[used] = '\0';
}

/* Whether the report has a @line, which ends with '\n' and a zero byte. */
static bool has_line(const struct ckpt_report *report, const char *line)
{
    const char *same = report->used ? ckpt_raw_find(report->text, line) : NULL;

    while (same && same != report->text && same[-1] != '\n')
        same = ckpt_raw_find(same + 1, line);
    return same;
}

void ckpt_report_keep(struct ckpt_report *report, const struct ckpt_report *other)
{
    char line[LONGEST_LINE + 1];
    size_t used = 0, count = 0, next;

    for (size_t at = 0, number = 0; at < report->used; at = next, number++) {
        for (next = at; report->text[next] != '\n'; next++)
            ;
        next++;
        __builtin_memcpy(line, report->text + at, next - at);
        line[next - at] = '\0';
        if (!has_line(other, line))
            continue;
        /* From the copy: the two places in the text may overlap. */
        __builtin_memcpy(report->text + used, line, next - at);
        used += next - at;
        if (number < CKPT_REPORT_KEPT_MAX)
            report->criu_keeps[count] = report->criu_keeps[number];
        count++;
    }
    ckpt_report_truncate(report, count, used);
}

void ckpt_report_add(struct ckpt_report *report, const char *type, const char *format, ...)
{
    char line[LONGEST_LINE + 1];
    size_t length;
    va_list arguments;

    if (report->about)
        length = ckpt_raw_format(line, sizeof line - 1, "%s %d:", type, report->about - 1);
    else
        length = ckpt_raw_format(line, sizeof line - 1, "%s:", type);
    va_start(arguments, format);
    length += ckpt_raw_vformat(line + length, sizeof line - length - 2, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < length; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[length++] = '\n';
    line[length] = '\0';

    report->last = CKPT_REPORT_KEPT_MAX;
    if (has_line(report, line)) /* for example one for each mapping */
        return;
    report->last = report->count++;
    ckpt_report_criu_keeps(report, CKPT_CRIU_KEEPS_NOTHING);
    if (report->used + length + RESERVED > sizeof report->text) {
        static const char more[] = "error:there are more reasons than fit into this report\n";

        if (!ckpt_raw_ends(report->text, more))
            report->used += ckpt_raw_format(report->text + report->used,
                                            sizeof report->text - report->used, "%s", more);
        return;
    }
    __builtin_memcpy(report->text + report->used, line, length);
    report->used += length;
    report->text[report->used] = '\0';
}

void ckpt_report_criu_keeps(struct ckpt_report *report, enum ckpt_criu_keeps what)
{
    if (report->last < CKPT_REPORT_KEPT_MAX)
        report->criu_keeps[report->last] = (uint8_t)what;
}

bool ckpt_report_has_kept(const struct ckpt_report *report, enum ckpt_criu_keeps what)
{
    for (size_t i = 0; i < report->count && i < CKPT_REPORT_KEPT_MAX; i++)
        if (report->criu_keeps[i] == what)
            return true;
    return false;
}
