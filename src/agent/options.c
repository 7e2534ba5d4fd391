/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's options: key=value, separated by commas; a backslash escapes the next character.
 * The table has one row for each option.
 */
#include "agent/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/requests/signal_name.h"

#define DAY_S 86400

struct ckpt_options ckpt_options;

struct option {
    const char *name;
    int (*set)(const struct option *option, const char *value, void *field,
               struct ckpt_error *error);
    size_t offset;
    unsigned min, max; /* limits of an option that is a number */
};

static int set_flag(const struct option *option, const char *value, void *field,
                    struct ckpt_error *error)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return ckpt_error_set(error, 0, "agent option '%s=%s': expected true or false",
                              option->name, value);
    *(bool *)field = value[0] == 't';
    return 0;
}

static int set_number(const struct option *option, const char *value, void *field,
                      struct ckpt_error *error)
{
    char *end;
    unsigned long parsed = strtoul(value, &end, 10);

    if (*value < '0' || *value > '9' || *end || parsed < option->min || parsed > option->max)
        return ckpt_error_set(error, 0, "agent option '%s=%s': expected a number from %u to %u",
                              option->name, value, option->min, option->max);
    *(unsigned *)field = (unsigned)parsed;
    return 0;
}

/* Makes the path absolute, because the application may change its working directory. */
static int set_path(const struct option *option, const char *value, void *field,
                    struct ckpt_error *error)
{
    char cwd[PATH_MAX];
    int length;

    if (!*value)
        return ckpt_error_set(error, 0, "agent option '%s=': expected a path", option->name);
    if (value[0] == '/')
        length = snprintf(field, PATH_MAX, "%s", value);
    else if (!getcwd(cwd, sizeof cwd))
        return ckpt_error_set(error, errno, "the working directory is gone");
    else
        length = snprintf(field, PATH_MAX, "%s/%s", cwd, value);
    if (length >= PATH_MAX)
        return ckpt_error_set(error, ENAMETOOLONG, "agent option '%s'", option->name);
    return 0;
}

/* The address is parsed when the endpoint binds it (requests/http/endpoint_address.c). */
static int set_addr(const struct option *option, const char *value, void *field,
                    struct ckpt_error *error)
{
    struct ckpt_options *options = field;

    if (!*value || strlen(value) >= sizeof options->addr)
        return ckpt_error_set(error, 0,
                              "agent option '%s=%s': expected HOST[:PORT], unix:PATH or none",
                              option->name, value);
    strcpy(options->addr, value);
    options->addr_given = true;
    return 0;
}

static int set_signal(const struct option *option, const char *value, void *field,
                      struct ckpt_error *error)
{
    (void)option;
    return ckpt_signal_name_parse(value, field, error);
}

#define OPTION(key, set, field, ...)                                                               \
    {                                                                                              \
        key, set, offsetof(struct ckpt_options, field), ##__VA_ARGS__                              \
    }
static const struct option table[] = {
    OPTION("image", set_path, image),
    OPTION("gc", set_flag, gc),
    OPTION("rehearsal", set_flag, rehearsal),
    OPTION("rehearsal_timeout", set_number, rehearsal_timeout_s, 1, DAY_S),
    OPTION("restore_policies", set_path, restore_policies),
    OPTION("restore_cwd", set_path, restore_cwd),
    {"addr", set_addr, 0, 0, 0}, /* no offset: set_addr() sets two fields */
    OPTION("shutdown", set_flag, shutdown),
    OPTION("shutdown_timeout", set_number, shutdown_timeout_s, 0, DAY_S),
    OPTION("undo_timeout", set_number, undo_timeout_s, 0, DAY_S),
    OPTION("hook_timeout", set_number, hook_timeout_s, 0, DAY_S),
    OPTION("park_timeout", set_number, park_timeout_ms, 1, 600000),
    OPTION("control", set_flag, control),
    OPTION("signal", set_signal, signal),
    OPTION("policies", set_path, policies),
    OPTION("fd_stacks", set_flag, fd_stacks),
    OPTION("timer_catch_up", set_flag, timer_catch_up),
    OPTION("renew_random", set_flag, renew_random),
    OPTION("tmp_files", set_number, tmp_files_mib, 0, 1 << 20),
};
#define COUNT (sizeof table / sizeof table[0])

static int unknown(const char *word, struct ckpt_error *error)
{
    char names[512];
    size_t length = 0;

    for (size_t i = 0; i < COUNT; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", table[i].name,
                                   i + 2 < COUNT   ? ", "
                                   : i + 1 < COUNT ? " and "
                                                   : "");
    return ckpt_error_set(error, 0, "agent option '%s' is not known; there are %s", word, names);
}

static int set_one(char *word, struct ckpt_options *options, struct ckpt_error *error)
{
    char *value = strchr(word, '=');

    if (!value)
        return ckpt_error_set(error, 0, "agent option '%s': expected key=value", word);
    *value++ = '\0';
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(word, table[i].name) == 0)
            return table[i].set(&table[i], value, (char *)options + table[i].offset, error);
    return unknown(word, error);
}

int ckpt_options_parse(const char *text, struct ckpt_options *options, struct ckpt_error *error)
{
    char word[PATH_MAX + 32];
    size_t length = 0;

    for (const char *at = text ? text : "";; at++) {
        bool escaped = *at == '\\' && at[1];

        if (escaped)
            at++;
        if (!escaped && (*at == ',' || !*at)) {
            word[length] = '\0';
            if (length && set_one(word, options, error) < 0)
                return -1;
            length = 0;
            if (!*at)
                return 0;
            continue;
        }
        if (length + 1 == sizeof word)
            return ckpt_error_set(error, ENAMETOOLONG, "an agent option");
        word[length++] = *at;
    }
}
