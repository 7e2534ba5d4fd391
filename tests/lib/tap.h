// SPDX-License-Identifier: LGPL-3.0-or-later
//
// TAP for the unit tests in C: each check prints one line "ok N - name" or "not ok N - name" to
// stdout, with the place and the values after it on failure. End main with `return tap_done();`.
//
//     TAP_OK(list_is_empty(&list), "a new list is empty");
//     TAP_INT(parse("7"), 7, "a digit is read");
//     TAP_STR(error.message, "no such file", "a missing file is reported");
//     if (!kernel_has_it) TAP_CANNOT("scans pages", "this kernel has no PAGEMAP_SCAN");
//
// One thread only. Use TAP_SKIP for what could be installed: with CKPT_MUST_WORK=1 it fails. Use
// TAP_CANNOT for what this kernel or processor will never have.

#ifndef CKPT_TESTS_TAP_H
#define CKPT_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

static inline __attribute__((format(printf, 1, 2))) void tap_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("# ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
}

static inline bool tap_result(bool passed, const char *file, int line, const char *name)
{
    tap_count++;
    printf("%sok %d - %s\n", passed ? "" : "not ", tap_count, name);
    if (!passed) {
        tap_failed++;
        tap_note("at %s:%d", file, line);
    }
    fflush(stdout);
    return passed;
}

static inline bool tap_int(long long got, long long want, const char *file, int line,
                           const char *name)
{
    if (!tap_result(got == want, file, line, name))
        tap_note("got %lld (%#llx), want %lld (%#llx)", got, got, want, want);
    return got == want;
}

static inline bool tap_str(const char *got, const char *want, const char *file, int line,
                           const char *name)
{
    bool same = got && want ? strcmp(got, want) == 0 : got == want;
    if (!tap_result(same, file, line, name))
        tap_note("got \"%s\", want \"%s\"", got ? got : "(null)", want ? want : "(null)");
    return same;
}

static inline bool tap_skip(const char *reason, const char *file, int line, const char *name)
{
    const char *must = getenv("CKPT_MUST_WORK");
    if (!must || strcmp(must, "1") != 0) {
        printf("ok %d - %s # SKIP %s\n", ++tap_count, name, reason);
        return true;
    }
    tap_result(false, file, line, name);
    tap_note("skipped, but it must work here: %s", reason);
    return false;
}

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed || tap_count == 0;
}

#define TAP_OK(condition, name) tap_result((condition), __FILE__, __LINE__, (name))
#define TAP_INT(got, want, name) tap_int((got), (want), __FILE__, __LINE__, (name))
#define TAP_STR(got, want, name) tap_str((got), (want), __FILE__, __LINE__, (name))
#define TAP_SKIP(name, reason) tap_skip((reason), __FILE__, __LINE__, (name))
#define TAP_CANNOT(name, reason) printf("ok %d - %s # SKIP %s\n", ++tap_count, (name), (reason))
#define TAP_BAIL_OUT(format, ...)                                                                  \
    (printf("Bail out! " format "\n", ##__VA_ARGS__), fflush(stdout), exit(255))

#endif
