// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What parked processes use in place of malloc: scratch space, arrays in it, and the report of all
// that stands against a checkpoint.

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

    TAP_INT(ckpt_scratch_open(&scratch, 8 * MIB, &error), 0, "scratch space opens");
    first = ckpt_scratch_take(&scratch, 5, &error);
    second = ckpt_scratch_take(&scratch, MIB, &error);
    TAP_OK(first && second && (uintptr_t)first % 16 == 0 && (uintptr_t)second % 16 == 0,
           "what is taken is aligned to 16 bytes");
    TAP_OK(second >= first + 5, "and does not overlap");
    for (size_t i = 0; i < MIB; i++)
        zero &= second[i] == 0;
    TAP_OK(zero, "and is zero");
    TAP_OK(!ckpt_scratch_take(&scratch, 8 * MIB, &error), "more than there is cannot be had");
    TAP_INT(error.number, ENOMEM, "for want of memory");
    TAP_OK(!ckpt_scratch_take(&scratch, SIZE_MAX, &error), "nor all of memory");
    first = ckpt_scratch_take(&scratch, scratch.size - scratch.used, &error);
    TAP_OK(first, "the rest can be had to the last byte");
    TAP_OK(!ckpt_scratch_take(&scratch, 1, &error), "and then nothing is left");
    ckpt_scratch_close(&scratch);
    TAP_OK(!scratch.start, "it closes");
    ckpt_scratch_close(&scratch);
    TAP_INT(ckpt_scratch_open(&scratch, (size_t)1 << 62, &error), 0,
            "it takes less where so much is not to be had");
    TAP_OK(scratch.size < (size_t)1 << 62, "and says how much");
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
    TAP_INT((long long)sum, 10000, "an array keeps its elements while it grows");
    added = ckpt_array_add(&array, &scratch, 50000, &error);
    TAP_OK(added && array.count == 60000 && added[49999] == 0, "many can be added at once");
    TAP_OK(!ckpt_array_add(&array, &scratch, 100 * MIB, &error), "but not more than fit");
    TAP_INT((long long)array.count, 60000, "and then the array is as it was");
    ckpt_scratch_close(&scratch);
}

static void test_report(void)
{
    static struct ckpt_report report;
    char last[] = "error:there is more than fits this report\n";

    ckpt_report_clear(&report);
    TAP_STR(report.text, "", "a new report is empty");
    ckpt_report_add(&report, "socket", "descriptor %d leads to '%s'", 7, "a\nb");
    ckpt_report_add(&report, "file", "x");
    TAP_STR(report.text, "socket:descriptor 7 leads to 'a b'\nfile:x\n", "each refusal is a line");
    ckpt_report_add(&report, "file", "x");
    ckpt_report_add(&report, "socket", "descriptor %d leads to '%s'", 7, "a\nb");
    TAP_INT(report.count, 2, "the same refusal counts once");
    ckpt_report_clear(&report);
    ckpt_report_add(&report, "socket", "descriptor %d leads to '%s'", 7, "a\nb");
    ckpt_report_add(&report, "file", "x");
    TAP_INT((long long)report.count, 2, "and is counted");
    for (int i = 0; i < 5000; i++)
        ckpt_report_add(&report, "resource", "number %d of many that are not to be restored", i);
    TAP_INT((long long)report.count, 5002, "those that do not fit are counted too");
    TAP_OK(report.used < sizeof report.text && strlen(report.text) == report.used,
           "the text ends inside its buffer");
    TAP_OK(ckpt_raw_ends(report.text, last), "and says that it is not all");
    *strstr(report.text, last) = '\0';
    TAP_OK(!strstr(report.text, "more than fits"), "once");
    ckpt_report_clear(&report);
    TAP_OK(report.count == 0 && !*report.text, "it can be cleared");
}

int main(void)
{
    test_scratch();
    test_arrays();
    test_report();
    return tap_done();
}
