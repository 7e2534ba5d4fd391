/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 */
#include "engine/log_pattern.h"

#include <stddef.h>

/* '*' is any text without a slash. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = text;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star && *resume != '/') {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* A relative pattern matches the end of the path: the directory was that of the JVM's start. */
bool ckpt_log_pattern_matches(const char *pattern, const char *path)
{
    if (*pattern == '/')
        return matches(pattern, path);
    for (const char *at = path; *at; at++)
        if (*at == '/' && matches(pattern, at + 1))
            return true;
    return false;
}
