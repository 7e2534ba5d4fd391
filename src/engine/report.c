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

void ckpt_report_clear(struct ckpt_report *report)
{
    report->used = report->count = report->stored = report->lost = report->group_count = 0;
    report->about = 0;
    report->kind = 0;
    report->last = CKPT_REPORT_LINES;
    report->text[0] = '\0';
}

/* Recompute the number of all lines. */
static void count_lines(struct ckpt_report *report)
{
    report->count = report->stored + report->lost;
    for (size_t i = 0; i < report->group_count; i++)
        report->count += report->groups[i].more;
}

void ckpt_report_truncate(struct ckpt_report *report, size_t count, size_t used)
{
    struct ckpt_report_group *counted = &report->groups[report->last_counted];

    for (; report->stored && report->lines[report->stored - 1].end > used; report->stored--) {
        uint8_t group = report->lines[report->stored - 1].group;

        if (group < CKPT_REPORT_GROUPS)
            report->groups[group].stored--;
    }
    report->used = used;
    report->text[used] = '\0';
    for (count_lines(report); report->count > count && report->lost; report->count--)
        report->lost--;
    for (; report->count > count && counted->more; report->count--)
        counted->more--;
}

/* Whether the report has a @line, which ends with '\n' and a zero byte. */
static bool has_line(const struct ckpt_report *report, const char *line)
{
    const char *same = report->used ? ckpt_raw_find(report->text, line) : NULL;

    while (same && same != report->text && same[-1] != '\n')
        same = ckpt_raw_find(same + 1, line);
    return same;
}

/* The index of the group, or CKPT_REPORT_GROUPS. */
static size_t find_group(const struct ckpt_report *report, const char *format, uint64_t kind)
{
    for (size_t i = 0; i < report->group_count; i++)
        if (report->groups[i].format == format && report->groups[i].kind == kind)
            return i;
    return CKPT_REPORT_GROUPS;
}

/* The same, after adding the group; CKPT_REPORT_GROUPS if there are too many. */
static size_t get_group(struct ckpt_report *report, const char *format, uint64_t kind)
{
    size_t group = find_group(report, format, kind);

    if (group < CKPT_REPORT_GROUPS || report->group_count == CKPT_REPORT_GROUPS)
        return group;
    report->groups[report->group_count] = (struct ckpt_report_group){format, kind, 0, 0};
    return report->group_count++;
}

/* Store a line, or count it as lost. The zero byte at the end of the text is the caller's. */
static void store(struct ckpt_report *report, const char *line, size_t length,
                  const struct ckpt_report_line *facts)
{
    if (report->used + length >= sizeof report->text || report->stored == CKPT_REPORT_LINES) {
        report->lost++;
        return;
    }
    __builtin_memcpy(report->text + report->used, line, length);
    report->used += length;
    report->last = report->stored++;
    report->lines[report->last] = *facts;
    report->lines[report->last].end = (uint32_t)report->used;
    if (facts->group < CKPT_REPORT_GROUPS)
        report->groups[facts->group].stored++;
}

/* Add a line that the report does not have. */
static void add(struct ckpt_report *report, const char *line, size_t length,
                const struct ckpt_report_line *facts)
{
    struct ckpt_report_group *group =
        facts->group < CKPT_REPORT_GROUPS ? &report->groups[facts->group] : NULL;

    report->count++;
    report->last = CKPT_REPORT_LINES;
    if (group && group->stored >= CKPT_REPORT_OF_GROUP) {
        group->more++;
        report->last_counted = facts->group;
    } else {
        store(report, line, length, facts);
        report->text[report->used] = '\0';
    }
}

void ckpt_report_add(struct ckpt_report *report, const char *type, const char *format, ...)
{
    struct ckpt_report_line facts = {.group = CKPT_REPORT_GROUPS, .keeps = CKPT_CRIU_KEEPS_NOTHING};
    char line[LONGEST_LINE + 1];
    size_t length, remedy;
    va_list arguments;

    if (report->about)
        length = ckpt_raw_format(line, sizeof line - 1, "%s %d:", type, report->about - 1);
    else
        length = ckpt_raw_format(line, sizeof line - 1, "%s:", type);
    va_start(arguments, format);
    facts.remedy = (uint16_t)length;
    length += ckpt_raw_vformat_message(line + length, sizeof line - length - 2, &remedy, format,
                                       arguments);
    facts.remedy += (uint16_t)remedy;
    va_end(arguments);
    for (size_t i = 0; i < length; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[length++] = '\n';
    line[length] = '\0';

    report->last = CKPT_REPORT_LINES;
    if (has_line(report, line)) /* for example one for each mapping */
        return;
    if (!ckpt_raw_equal(type, "error"))
        facts.group = (uint8_t)get_group(report, format, report->kind);
    add(report, line, length, &facts);
}

/* Copy the line that begins at @start. Returns its length. */
static size_t copy_line(const struct ckpt_report *report, size_t start, size_t end,
                        char ret_line[LONGEST_LINE + 1])
{
    __builtin_memcpy(ret_line, report->text + start, end - start);
    ret_line[end - start] = '\0';
    return end - start;
}

/* The same group in another report, or NULL. */
static const struct ckpt_report_group *same_group(const struct ckpt_report *other,
                                                  const struct ckpt_report_group *group)
{
    size_t index = find_group(other, group->format, group->kind);

    return index < CKPT_REPORT_GROUPS ? &other->groups[index] : NULL;
}

/*
 * Lines that are only counted stay if a stored one of the group does, and the other report counts
 * some as well.
 */
static void keep_counted(struct ckpt_report *report, const struct ckpt_report *other)
{
    for (size_t i = 0; i < report->group_count; i++) {
        struct ckpt_report_group *group = &report->groups[i];
        const struct ckpt_report_group *same = same_group(other, group);

        if (!group->stored || !same || !same->more)
            group->more = 0;
    }
}

void ckpt_report_keep(struct ckpt_report *report, const struct ckpt_report *other)
{
    size_t stored = report->stored;
    char line[LONGEST_LINE + 1];

    report->used = report->stored = 0;
    for (size_t i = 0; i < report->group_count; i++)
        report->groups[i].stored = 0;
    for (size_t i = 0, start = 0; i < stored; i++) {
        const struct ckpt_report_line facts = report->lines[i];
        size_t length = copy_line(report, start, facts.end, line); /* the places may overlap */

        start = facts.end;
        if (has_line(other, line))
            store(report, line, length, &facts);
    }
    report->text[report->used] = '\0';
    if (report->stored < stored)
        report->lost = 0;
    keep_counted(report, other);
    count_lines(report);
}

void ckpt_report_merge(struct ckpt_report *report, const struct ckpt_report *other)
{
    char line[LONGEST_LINE + 1];

    for (size_t i = 0, start = 0; i < other->stored; start = other->lines[i++].end) {
        struct ckpt_report_line facts = other->lines[i];
        size_t length = copy_line(other, start, facts.end, line);

        if (has_line(report, line))
            continue;
        if (facts.group < CKPT_REPORT_GROUPS)
            facts.group = (uint8_t)get_group(report, other->groups[facts.group].format,
                                             other->groups[facts.group].kind);
        add(report, line, length, &facts);
    }
    for (size_t i = 0; i < report->group_count; i++) {
        const struct ckpt_report_group *same = same_group(other, &report->groups[i]);

        if (same && same->more > report->groups[i].more)
            report->groups[i].more = same->more;
    }
    if (other->lost > report->lost)
        report->lost = other->lost;
    count_lines(report);
}

void ckpt_report_criu_keeps(struct ckpt_report *report, enum ckpt_criu_keeps what)
{
    if (report->last < CKPT_REPORT_LINES)
        report->lines[report->last].keeps = (uint8_t)what;
}

bool ckpt_report_has_kept(const struct ckpt_report *report, enum ckpt_criu_keeps what)
{
    for (size_t i = 0; i < report->stored; i++)
        if (report->lines[i].keeps == what)
            return true;
    return false;
}
