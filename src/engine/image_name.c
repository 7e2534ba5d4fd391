/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See image_name.h. The agent expands patterns, the command only checks them, before it becomes a
 * JVM that would find out at its next checkpoint.
 */
#include "engine/image_name.h"

#include <errno.h>
#include <stdbool.h>

#include "base/raw.h"

#define LETTERS "a, b, B, c, f, g, m, p, r, R, t, T, u and '%%'"
#define TEXT_MAX 32 /* a number with its unit, or a time */

/* The name so far. With size 0 nothing is written. */
struct output {
    char *text;
    size_t length, size;
};

/* One "%05g". */
struct placeholder {
    char letter;
    bool zeros, has_width;
    unsigned width;
    const char *end; /* the character after it */
};

static void put(struct output *to, char character)
{
    if (to->length + 1 < to->size)
        to->text[to->length] = character;
    to->length++;
}

static void put_text(struct output *to, const char *text)
{
    while (*text)
        put(to, *text++);
}

/* A number is padded on the left. */
static void put_number(struct output *to, const struct placeholder *placeholder, uint64_t number,
                       const char *unit)
{
    char text[TEXT_MAX];
    size_t length = ckpt_raw_format(text, sizeof text, "%lu%s", (unsigned long)number, unit);

    for (size_t i = length; i < placeholder->width; i++)
        put(to, placeholder->zeros ? '0' : ' ');
    put_text(to, text);
}

/* As CRaC does: with a width in bytes, otherwise in the largest unit that loses nothing. */
static void put_size(struct output *to, const struct placeholder *placeholder, uint64_t size)
{
    static const char *const units[] = {"", "k", "M", "G"};
    int unit = 0;

    for (; !placeholder->has_width && unit < 3 && size && size % 1024 == 0; unit++)
        size /= 1024;
    put_number(to, placeholder, size, units[unit]);
}

static void put_digits(struct output *to, uint64_t number, unsigned width)
{
    const struct placeholder padded = {.zeros = true, .width = width};

    put_number(to, &padded, number, "");
}

/*
 * 20260131T235959Z. The date is computed here because libc's functions are not for shared code:
 * days are counted from 1 March of the year 0, so that a leap day is the last day of its year.
 */
static void put_moment(struct output *to, int64_t seconds)
{
    uint64_t second = seconds > 0 ? (uint64_t)seconds : 0;
    uint64_t days = second / 86400 + 719468, era = days / 146097, day = days % 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365, month;

    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    put_digits(to, year + era * 400 + (month >= 10), 4);
    put_digits(to, month < 10 ? month + 3 : month - 9, 2);
    put_digits(to, day - (153 * month + 2) / 5 + 1, 2);
    put(to, 'T');
    put_digits(to, second / 3600 % 24, 2);
    put_digits(to, second / 60 % 60, 2);
    put_digits(to, second % 60, 2);
    put(to, 'Z');
}

static bool is_one_of(char letter, const char *letters)
{
    while (*letters && *letters != letter)
        letters++;
    return letter && *letters;
}

/* Read the placeholder whose percent sign is at @at. */
static int read_placeholder(const char *at, struct placeholder *ret, struct ckpt_error *error)
{
    bool takes_width;

    *ret = (struct placeholder){.zeros = at[1] == '0'};
    at += ret->zeros ? 2 : 1;
    for (; *at >= '0' && *at <= '9' && ret->width <= CKPT_IMAGE_NAME_WIDTH_MAX; at++) {
        ret->has_width = true;
        ret->width = ret->width * 10 + (unsigned)(*at - '0');
    }
    ret->letter = *at;
    ret->end = at + 1;
    takes_width = is_one_of(*at, "BRTcgmp");
    if (ret->width > CKPT_IMAGE_NAME_WIDTH_MAX)
        return ckpt_error_set(error, 0,
                              "the image directory's name has a pattern with a width of more than "
                              "%d; use a smaller one",
                              CKPT_IMAGE_NAME_WIDTH_MAX);
    if (!*at)
        return ckpt_error_set(error, 0,
                              "the image directory's name ends inside a pattern; write '%%%%' for "
                              "a percent sign");
    if (!takes_width && !is_one_of(*at, "%abfrtu"))
        return ckpt_error_set(error, 0,
                              "the image directory's name has the unknown pattern '%%%c'; use one "
                              "of " LETTERS ", which is a percent sign",
                              *at > ' ' && *at <= '~' ? *at : '?');
    if (takes_width && ret->zeros && !ret->width)
        return ckpt_error_set(error, 0,
                              "the pattern '%%0%c' in the image directory's name has no width; add "
                              "one, as in '%%05%c'",
                              *at, *at);
    if (!takes_width && (ret->zeros || ret->has_width))
        return ckpt_error_set(error, 0,
                              "the pattern '%%%c' in the image directory's name takes no width; "
                              "remove it",
                              *at);
    return 0;
}

static void expand(struct output *to, const struct placeholder *placeholder,
                   const struct ckpt_image_name_values *values)
{
    switch (placeholder->letter) {
    case 'a':
        return put_text(to, values->architecture);
    case 'f':
        return put_text(to, values->features);
    case 'u':
        return put_text(to, values->uuid);
    case 't':
        return put_moment(to, values->now);
    case 'b':
        return put_moment(to, values->started);
    case 'r':
        return put_moment(to, values->restored);
    case 'T':
        return put_number(to, placeholder, (uint64_t)values->now, "");
    case 'B':
        return put_number(to, placeholder, (uint64_t)values->started, "");
    case 'R':
        return put_number(to, placeholder, (uint64_t)values->restored, "");
    case 'p':
        return put_number(to, placeholder, values->pid, "");
    case 'c':
        return put_number(to, placeholder, values->processors, "");
    case 'g':
        return put_number(to, placeholder, values->generation, "");
    case 'm':
        return put_size(to, placeholder, values->max_heap);
    default:
        return put(to, '%');
    }
}

/* @values: NULL to check only. */
static int walk(const char *pattern, const struct ckpt_image_name_values *values, struct output *to,
                struct ckpt_error *error)
{
    struct placeholder placeholder;

    while (*pattern) {
        if (*pattern != '%') {
            put(to, *pattern++);
            continue;
        }
        if (read_placeholder(pattern, &placeholder, error) < 0)
            return -1;
        if (values)
            expand(to, &placeholder, values);
        pattern = placeholder.end;
    }
    return 0;
}

int ckpt_image_name_check(const char *pattern, struct ckpt_error *error)
{
    struct output nothing = {0};

    return walk(pattern, NULL, &nothing, error);
}

/* Write the final zero. */
static int finish(const struct output *to, struct ckpt_error *error)
{
    if (to->length >= to->size)
        return ckpt_error_set(error, ENAMETOOLONG, "the image directory's name");
    to->text[to->length] = '\0';
    return 0;
}

int ckpt_image_name_absolute(const char *pattern, const char *cwd, char *ret, size_t size,
                             struct ckpt_error *error)
{
    struct output to = {.text = ret, .size = size};

    if (*pattern != '/') {
        for (; *cwd; cwd++) {
            put(&to, *cwd);
            if (*cwd == '%')
                put(&to, '%');
        }
        put(&to, '/');
    }
    put_text(&to, pattern);
    return finish(&to, error);
}

int ckpt_image_name_expand(const char *pattern, const struct ckpt_image_name_values *values,
                           char *ret, size_t size, struct ckpt_error *error)
{
    struct output to = {.text = ret, .size = size};

    return walk(pattern, values, &to, error) < 0 ? -1 : finish(&to, error);
}
