/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's options: key=value, joined by commas; a backslash takes the next character as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"

#define STAGE "options"

static int set_flag(const char *key, const char *value, bool *flag, struct ckpt_error *error)
{
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
        *flag = value[0] == 't';
        return 0;
    }
    return ckpt_error_set(error, STAGE, 0, "agent option '%s=%s': expected true or false", key,
                          value);
}

static int set_image(const char *value, struct ckpt_options *options, struct ckpt_error *error)
{
    char cwd[PATH_MAX];
    int length;

    if (!*value)
        return ckpt_error_set(error, STAGE, 0, "agent option 'image=': expected a directory");
    if (value[0] == '/')
        length = snprintf(options->image, sizeof options->image, "%s", value);
    else if (!getcwd(cwd, sizeof cwd))
        return ckpt_error_set(error, STAGE, errno, "the working directory is gone");
    else
        length = snprintf(options->image, sizeof options->image, "%s/%s", cwd, value);
    if (length >= (int)sizeof options->image)
        return ckpt_error_set(error, STAGE, ENAMETOOLONG, "agent option 'image'");
    return 0;
}

static int set_number(const char *key, const char *value, unsigned low, unsigned high,
                      unsigned *number, struct ckpt_error *error)
{
    char *end;
    unsigned long parsed = strtoul(value, &end, 10);

    if (*value < '0' || *value > '9' || *end || parsed < low || parsed > high)
        return ckpt_error_set(error, STAGE, 0,
                              "agent option '%s=%s': expected a number from %u to %u", key, value,
                              low, high);
    *number = (unsigned)parsed;
    return 0;
}

static int set_one(char *word, struct ckpt_options *options, struct ckpt_error *error)
{
    char *value = strchr(word, '=');

    if (!value)
        return ckpt_error_set(error, STAGE, 0, "agent option '%s': expected key=value", word);
    *value++ = '\0';
    if (strcmp(word, "image") == 0)
        return set_image(value, options, error);
    if (strcmp(word, "gc") == 0)
        return set_flag(word, value, &options->gc, error);
    if (strcmp(word, "control") == 0)
        return set_flag(word, value, &options->control, error);
    if (strcmp(word, "park_timeout") == 0)
        return set_number(word, value, 1, 600000, &options->park_timeout_ms, error);
    return ckpt_error_set(error, STAGE, 0,
                          "agent option '%s' is not known; there are image, gc, control and "
                          "park_timeout",
                          word);
}

int ckpt_options_parse(const char *text, struct ckpt_options *options, struct ckpt_error *error)
{
    char word[PATH_MAX + 32];
    size_t length = 0;

    for (const char *at = text ? text : "";; at++) {
        bool taken = *at == '\\' && at[1];

        if (taken)
            at++;
        if (!taken && (*at == ',' || !*at)) {
            word[length] = '\0';
            if (length && set_one(word, options, error) < 0)
                return -1;
            length = 0;
            if (!*at)
                return 0;
            continue;
        }
        if (length + 1 == sizeof word)
            return ckpt_error_set(error, STAGE, ENAMETOOLONG, "an agent option");
        word[length++] = *at;
    }
}
