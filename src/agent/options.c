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
#include "engine/image_name.h"

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

/* A path whose patterns are replaced at each checkpoint. */
static int set_image(const struct option *option, const char *value, void *field,
                     struct ckpt_error *error)
{
    char cwd[PATH_MAX] = "";

    if (!*value)
        return set_path(option, value, field, error);
    if (value[0] != '/' && !getcwd(cwd, sizeof cwd))
        return ckpt_error_set(error, errno, "the working directory is gone");
    if (ckpt_image_name_check(value, error) < 0 ||
        ckpt_image_name_absolute(value, cwd, field, PATH_MAX, error) < 0)
        return ckpt_error_prefix(error, "agent option 'image'");
    return 0;
}

/* Keys must differ within one text of options; those of an earlier text are replaced. */
static int set_label(const struct option *option, const char *value, void *field,
                     struct ckpt_error *error)
{
    (void)option;
    return ckpt_labels_add(field, value, error);
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

static int set_org_crac(const struct option *option, const char *value, void *field,
                        struct ckpt_error *error)
{
    enum ckpt_org_crac *to = field;

    if (strcmp(value, "found") == 0)
        *to = CKPT_ORG_CRAC_FOUND;
    else if (strcmp(value, "linked") == 0)
        *to = CKPT_ORG_CRAC_LINKED;
    else if (strcmp(value, "none") == 0)
        *to = CKPT_ORG_CRAC_NONE;
    else
        return ckpt_error_set(error, 0, "agent option '%s=%s': expected found, linked or none",
                              option->name, value);
    return 0;
}

/* Whether there is such an engine, engine_option.c checks. */
static int set_engine(const struct option *option, const char *value, void *field,
                      struct ckpt_error *error)
{
    if (!*value || strlen(value) >= sizeof ckpt_options.engine)
        return ckpt_error_set(error, 0, "agent option '%s=%s': expected the name of an engine",
                              option->name, value);
    strcpy(field, value);
    return 0;
}

/* A path, or a name that is looked for in PATH. */
static int set_program(const struct option *option, const char *value, void *field,
                       struct ckpt_error *error)
{
    if (strchr(value, '/') || !*value)
        return set_path(option, value, field, error);
    if (strlen(value) >= PATH_MAX)
        return ckpt_error_set(error, ENAMETOOLONG, "agent option '%s'", option->name);
    strcpy(field, value);
    return 0;
}

/* Those of an earlier text of options are replaced. */
static int add_criu_option(const struct option *option, const char *value, void *field,
                           struct ckpt_error *error)
{
    struct ckpt_options *options = field;

    if (!*value)
        return ckpt_error_set(error, 0, "agent option '%s=': expected an option of criu",
                              option->name);
    if (options->criu_option_count == CKPT_CRIU_OPTIONS_MAX ||
        strlen(value) >= CKPT_CRIU_OPTION_SIZE)
        return ckpt_error_set(error, 0, "agent option '%s=%s': there may be %d, of %d bytes",
                              option->name, value, CKPT_CRIU_OPTIONS_MAX,
                              CKPT_CRIU_OPTION_SIZE - 1);
    strcpy(options->criu_options[options->criu_option_count++], value);
    return 0;
}

/* connections=WORD, children=WORD and tmp_files=MIB */
static int set_allowance(const struct option *option, const char *value, void *field,
                         struct ckpt_error *error)
{
    struct ckpt_error expected;

    if (ckpt_allowance_set(field, option->name, value, &expected) < 0)
        return ckpt_error_set(error, 0, "agent option '%s=%s': %s", option->name, value,
                              expected.text);
    return 0;
}

#define OPTION(key, set, field, ...)                                                               \
    {                                                                                              \
        key, set, offsetof(struct ckpt_options, field), ##__VA_ARGS__                              \
    }
static const struct option table[] = {
    OPTION("image", set_image, image),
    OPTION("keep_running", set_flag, keep_running),
    OPTION("label", set_label, labels),
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
    OPTION("connections", set_allowance, allowance),
    OPTION("children", set_allowance, allowance),
    OPTION("compatible", set_flag, compatible),
    OPTION("fd_stacks", set_flag, fd_stacks),
    OPTION("timer_catch_up", set_flag, timer_catch_up),
    OPTION("renew_random", set_flag, renew_random),
    OPTION("org_crac", set_org_crac, org_crac),
    OPTION("tmp_files", set_allowance, allowance),
    OPTION("engine", set_engine, engine),
    OPTION("criu", set_program, criu),
    {"criu_option", add_criu_option, 0, 0, 0}, /* no offset, as above */
    OPTION("criu_timeout", set_number, criu_timeout_s, 1, DAY_S),
    OPTION("tcp_established", set_flag, tcp_established),
};
#define COUNT (sizeof table / sizeof table[0])

static int unknown(const char *word, struct ckpt_error *error)
{
    char names[1024];
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

static int parse_words(const char *text, struct ckpt_options *options, struct ckpt_error *error)
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

int ckpt_options_parse(const char *text, struct ckpt_options *options, struct ckpt_error *error)
{
    struct ckpt_labels merged = options->labels;
    unsigned criu_options = options->criu_option_count;

    options->criu_option_count = 0;
    options->labels = (struct ckpt_labels){.count = 0};
    if (parse_words(text, options, error) < 0 ||
        ckpt_labels_merge(&merged, &options->labels, error) < 0)
        return -1;
    options->labels = merged;
    if (!options->criu_option_count)
        options->criu_option_count = criu_options;
    return 0;
}
