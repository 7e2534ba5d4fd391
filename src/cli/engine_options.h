/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The options of subcommands that are for an engine: --engine, --criu, --criu-option,
 * --criu-timeout and --tcp-established.
 */
#ifndef CKPT_CLI_ENGINE_OPTIONS_H
#define CKPT_CLI_ENGINE_OPTIONS_H

#include "cli/cli.h"
#include "engine/engine.h"

struct ckpt_engine_options {
    const char *engine; /**< "auto" unless given */
    bool given;         /**< one of them besides --engine was given */
    struct ckpt_engine_settings settings;
    char *words[65]; /**< settings.options */
    size_t count;
};

#define CKPT_ENGINE_OPTIONS_NONE                                                                   \
    (struct ckpt_engine_options)                                                                   \
    {                                                                                              \
        .engine = "auto"                                                                           \
    }

/** The help for them, for subcommands whose engine is chosen by the user. */
#define CKPT_ENGINE_OPTIONS_HELP                                                                   \
    "  --engine NAME     builtin, criu, or auto (builtin, the default)\n"                          \
    "  --criu PATH       the program of the engine criu, instead of the one in PATH\n"             \
    "  --criu-option O   an option of criu's own, such as '--skip-mnt /mnt'; may be repeated\n"    \
    "  --criu-timeout S  how many seconds criu may take for one step (600)\n"                      \
    "  --tcp-established with criu: established TCP connections are kept\n"

/**
 * Take argv[*index] if it is one of them, and move *index after it and its value.
 * @return 1: taken; 0: another word; -1: wrong, and an error was printed
 */
int ckpt_engine_options_take(const struct ckpt_command *command, int argc, char **argv, int *index,
                             struct ckpt_engine_options *options);

/** Print that there are options for another engine than the one given; CKPT_EXIT_USAGE. */
int ckpt_engine_options_conflict(const struct ckpt_command *command);

/** The engine that was chosen; NULL with an error. */
const struct ckpt_engine *ckpt_engine_options_engine(const struct ckpt_engine_options *options,
                                                     struct ckpt_error *error);

#endif
