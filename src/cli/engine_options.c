/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See engine_options.h. The program's own options are passed on as they are; the engine
 * checks them.
 */
#include "cli/engine_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TIMEOUT_MAX 86400

static int take_timeout(const struct ckpt_command *command, const char *value,
                        struct ckpt_engine_options *options)
{
    char *end;
    unsigned long seconds = strtoul(value, &end, 10);

    if (*value < '0' || *value > '9' || *end || seconds < 1 || seconds > TIMEOUT_MAX) {
        ckpt_cli_usage(command, "'--criu-timeout=%s': expected a number from 1 to %d", value,
                       TIMEOUT_MAX);
        return -1;
    }
    options->settings.timeout_s = (unsigned)seconds;
    return 1;
}

static int take_value(const struct ckpt_command *command, const char *name, const char *value,
                      struct ckpt_engine_options *options)
{
    struct ckpt_error error;

    if (strcmp(name, "--criu-timeout") == 0)
        return take_timeout(command, value, options);
    if (!*value) {
        ckpt_cli_usage(command, "option '%s' needs a value", name);
        return -1;
    }
    if (strcmp(name, "--engine") == 0 && !ckpt_engine_choose(value, &error)) {
        ckpt_cli_usage(command, "%s", error.text);
        return -1;
    }
    if (strcmp(name, "--criu-option") == 0 && options->count + 1 == CKPT_COUNT(options->words)) {
        ckpt_cli_usage(command, "option '%s' may be given %zu times", name, options->count);
        return -1;
    }
    if (strcmp(name, "--engine") == 0)
        options->engine = value;
    else if (strcmp(name, "--criu") == 0)
        options->settings.program = value;
    else
        options->words[options->count++] = (char *)value;
    options->settings.options = options->words;
    return 1;
}

int ckpt_engine_options_take(const struct ckpt_command *command, int argc, char **argv, int *index,
                             struct ckpt_engine_options *options)
{
    static const char *const names[] = {"--engine", "--criu", "--criu-option", "--criu-timeout"};
    const char *value;

    if (strcmp(argv[*index], "--tcp-established") == 0) {
        options->settings.tcp_established = options->given = true;
        *index += 1;
        return 1;
    }
    for (size_t i = 0; i < CKPT_COUNT(names); i++) {
        int taken = ckpt_cli_option(command, argc, argv, index, names[i], &value);

        if (taken) {
            options->given |= i > 0; /* not --engine */
            return taken < 0 ? -1 : take_value(command, names[i], value, options);
        }
    }
    return 0;
}

int ckpt_engine_options_conflict(const struct ckpt_command *command)
{
    return ckpt_cli_usage(command,
                          "--criu, --criu-option, --criu-timeout and --tcp-established are for "
                          "--engine=criu");
}

const struct ckpt_engine *ckpt_engine_options_engine(const struct ckpt_engine_options *options,
                                                     struct ckpt_error *error)
{
    return ckpt_engine_choose(options->engine, error);
}
