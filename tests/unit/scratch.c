// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What is used in place of malloc while threads are parked: scratch space, arrays in it, and the
// report of all obstacles to a checkpoint.

#include "base/scratch.h"

#include <errno.h>
#include <stdint.h>

#include "base/raw.h"
#include "engine/report.h"
#include "tap.h"

#define MIB ((size_t)1 << 20)

static void test_scratch(void)
{
    struct ckpt_scratch scratch;
    struct ckpt_error error = {.text = ""};
    char *first, *second;
    bool zero = true;

    TAP_INT(ckpt_scratch_open(&scratch, 8 * MIB, &error), 0, "scratch: it opens");
    first = ckpt_scratch_take(&scratch, 5, &error);
    second = ckpt_scratch_take(&scratch, MIB, &error);
    TAP_OK(first && second && (uintptr_t)first % 16 == 0 && (uintptr_t)second % 16 == 0,
           "scratch: pieces are aligned to 16 bytes");
    TAP_OK(second >= first + 5, "scratch: pieces do not overlap");
    for (size_t i = 0; i < MIB; i++)
        zero &= second[i] == 0;
    TAP_OK(zero, "scratch: pieces are zero");
    TAP_OK(!ckpt_scratch_take(&scratch, 8 * MIB, &error),
           "scratch: a piece larger than the space is refused");
    TAP_INT(error.number, ENOMEM, "scratch: a piece larger than the space fails with ENOMEM");
    TAP_OK(!ckpt_scratch_take(&scratch, SIZE_MAX, &error),
           "scratch: a piece of SIZE_MAX bytes is refused");
    first = ckpt_scratch_take(&scratch, scratch.size - scratch.used, &error);
    TAP_OK(first, "scratch: a piece of all remaining bytes is given");
    TAP_OK(!ckpt_scratch_take(&scratch, 1, &error), "scratch: a piece of a full space is refused");
    ckpt_scratch_close(&scratch);
    TAP_OK(!scratch.start, "scratch: it closes");
    ckpt_scratch_close(&scratch);
    TAP_INT(ckpt_scratch_open(&scratch, (size_t)1 << 62, &error), 0,
            "scratch: opens with less than asked for if memory is short");
    TAP_OK(scratch.size < (size_t)1 << 62, "scratch: the size tells how much it has");
    ckpt_scratch_close(&scratch);
}

static void test_arrays(void)
{
    struct ckpt_scratch scratch;
    struct ckpt_error error = {.text = ""};
    struct ckpt_array array;
    uint64_t *added, sum = 0;

    if (ckpt_scratch_open(&scratch, 16 * MIB, &error) < 0)
        TAP_BAIL_OUT("%s", error.text);
    ckpt_array_init(&array, sizeof(uint64_t));
    for (uint64_t i = 0; i < 10000; i++) {
        added = ckpt_array_add(&array, &scratch, 1, &error);
        if (!added || *added)
            TAP_BAIL_OUT("element %u: %s", (unsigned)i, error.text);
        *added = i;
    }
    for (size_t i = 0; i < array.count; i++)
        sum += *(uint64_t *)ckpt_array_at(&array, i) == i;
    TAP_INT((long long)sum, 10000, "array: elements are kept while it grows");
    added = ckpt_array_add(&array, &scratch, 50000, &error);
    TAP_OK(added && array.count == 60000 && added[49999] == 0,
           "array: many elements can be added at once");
    TAP_OK(!ckpt_array_add(&array, &scratch, 100 * MIB, &error),
           "array: more elements than fit are refused");
    TAP_INT((long long)array.count, 60000, "array: a refused addition does not change it");
    ckpt_scratch_close(&scratch);
}

static void test_report(void)
{
    static struct ckpt_report report;
    ckpt_report_clear(&report);
    TAP_STR(report.text, "", "report: a new one is empty");
    ckpt_report_add(&report, "socket", "descriptor %d leads to '%s'", 7, "a\nb");
    ckpt_report_add(&report, "file", "x");
    TAP_STR(report.text, "socket:descriptor 7 leads to 'a b'\nfile:x\n",
            "report: each refusal is a line");
    ckpt_report_add(&report, "file", "x");
    ckpt_report_add(&report, "socket", "descriptor %d leads to '%s'", 7, "a\nb");
    TAP_INT(report.count, 2, "report: a repeated refusal counts once");
    ckpt_report_clear(&report);
    ckpt_report_add(&report, "socket", "descriptor %d leads to '%s'", 7, "a\nb");
    ckpt_report_add(&report, "file", "x");
    TAP_INT((long long)report.count, 2, "report: two refusals are counted");
    for (int i = 0; i < 5000; i++)
        ckpt_report_add(&report, "resource", "number %d of many that are not to be restored", i);
    TAP_INT((long long)report.count, 5002, "report: refusals that do not fit are counted");
    TAP_OK(report.used < sizeof report.text && strlen(report.text) == report.used,
           "report: the text ends inside its buffer");
    TAP_INT((long long)report.stored, 2 + CKPT_REPORT_OF_GROUP,
            "report: of many of one kind some are stored");
    for (int i = 0; i < 5000; i++)
        ckpt_report_add(&report, "error", "number %d of many that are of no kind", i);
    TAP_INT((long long)report.count, 10002, "report: all are counted");
    TAP_OK(report.stored <= CKPT_REPORT_LINES && report.lost > 0,
           "report: those for which there is no room are lost");
    TAP_OK(report.used < sizeof report.text && strlen(report.text) == report.used,
           "report: the text of a full one ends inside its buffer");
    ckpt_report_clear(&report);
    TAP_OK(report.count == 0 && !*report.text, "report: a full one can be cleared");
    ckpt_report_refuse(&report, "file", "close %s", "'%s' is open", "a; b", "it");
    TAP_STR(report.text, "file:'a; b' is open; close it\n", "report: a remedy follows");
    TAP_STR(report.text + report.lines[0].remedy, "; close it\n",
            "report: where the remedy begins is known, whatever names are in the line");
    ckpt_report_add(&report, "file", "'%s' is open", "a; b");
    TAP_INT(report.lines[1].remedy, (long long)strlen("file:'a; b' is open"),
            "report: a line without a remedy ends where it would begin");
}

static void test_report_keep(void)
{
    static struct ckpt_report report, other;

    ckpt_report_clear(&report);
    ckpt_report_clear(&other);
    ckpt_report_add(&report, "socket", "the first of some that are found by one walk alone");
    ckpt_report_add(&report, "file", "b");
    ckpt_report_add(&report, "socket", "c");
    ckpt_report_add(&report, "file", "bc");
    ckpt_report_add(&other, "old file", "b"); /* the line is the end of another one */
    ckpt_report_add(&other, "file", "bc");
    ckpt_report_add(&other, "file", "b");
    ckpt_report_keep(&report, &other);
    TAP_STR(report.text, "file:b\nfile:bc\n", "report: the lines are kept that another one has");
    TAP_INT((long long)report.count, 2, "report: the lines that are kept are counted");
    ckpt_report_clear(&other);
    ckpt_report_add(&other, "old file", "b");
    ckpt_report_add(&other, "file", "bcd");
    ckpt_report_keep(&report, &other);
    TAP_OK(report.count == 0 && report.used == 0 && !*report.text,
           "report: a part of a line is not the same line");
    for (int i = 0; i < 5000; i++)
        ckpt_report_add(&report, "resource", "number %d of many that are not to be restored", i);
    other = report;
    ckpt_report_keep(&report, &other);
    TAP_STR(report.text, other.text, "report: a full one that is kept whole does not change");
    TAP_INT((long long)report.count, 5000, "report: nor does the number of its lines");
    ckpt_report_clear(&other);
    ckpt_report_add(&other, "resource", "number %d of many that are not to be restored", 7);
    ckpt_report_keep(&report, &other);
    TAP_INT((long long)report.count, 1,
            "report: those that were only counted go if the other one counts none");
}

static void test_report_truncate(void)
{
    static struct ckpt_report report;
    size_t count, used;

    ckpt_report_clear(&report);
    for (int i = 0; i < 100; i++) {
        count = report.count;
        used = report.used;
        ckpt_report_add(&report, "resource", "number %d", i);
    }
    ckpt_report_truncate(&report, count, used);
    TAP_INT((long long)report.count, 99, "report: one that was only counted can be taken back");
    for (int i = 0; i < 50; i++)
        ckpt_report_truncate(&report, report.count - 1, report.used);
    ckpt_report_truncate(&report, 0, 0);
    TAP_OK(report.count == 0 && report.stored == 0 && !*report.text && !report.groups[0].stored,
           "report: all can be taken back");
}

static void test_report_merge(void)
{
    static struct ckpt_report report, other;

    ckpt_report_clear(&report);
    ckpt_report_clear(&other);
    ckpt_report_add(&other, "file", "a");
    for (int i = 0; i < 100; i++) {
        ckpt_report_add(&report, "resource", "number %d", i);
        ckpt_report_add(&other, "resource", "number %d", i);
    }
    ckpt_report_add(&other, "file", "b");
    ckpt_report_criu_keeps(&other, CKPT_CRIU_KEEPS_UDP);
    ckpt_report_merge(&report, &other);
    TAP_INT((long long)report.count, 102, "report: only lines that it does not have are added");
    TAP_OK(ckpt_raw_ends(report.text, "\nfile:a\nfile:b\n"), "report: in their order");
    TAP_OK(ckpt_report_has_kept(&report, CKPT_CRIU_KEEPS_UDP), "report: with what criu keeps");
    ckpt_report_merge(&report, &other);
    TAP_INT((long long)report.count, 102, "report: adding the same once more changes nothing");
}

int main(void)
{
    test_scratch();
    test_arrays();
    test_report();
    test_report_keep();
    test_report_truncate();
    test_report_merge();
    return tap_done();
}
