/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The options of subcommands that say what a checkpoint does with what it would refuse:
 * --policies, --connections, --children and --tmp-files.
 */
#ifndef CKPT_CLI_ALLOWANCE_OPTIONS_H
#define CKPT_CLI_ALLOWANCE_OPTIONS_H

#include <stdio.h>

#include "cli/cli.h"
#include "engine/allowance.h"

struct ckpt_allowance_options {
    struct ckpt_allowance allowance;
    const char *policies; /**< the file; NULL: not given */
    char *text;           /**< its text, malloc'd, if the file was read */
    size_t size;
};

/** The help for them. */
#define CKPT_ALLOWANCE_OPTIONS_HELP                                                                \
    "  --policies FILE   rules for open descriptors (docs/policies.md)\n"                          \
    "  --connections W   refuse (the default), or close: connections to other processes are\n"     \
    "                    reset in the restored process, as by a network failure\n"                 \
    "  --children W      refuse (the default), end, or ignore child processes that run\n"          \
    "  --tmp-files MIB   how much of temporary and deleted files may be in the image (64)\n"

/**
 * Take argv[*index] if it is one of them, and move *index after it and its value.
 * @return 1: taken; 0: another word; -1: wrong, and an error was printed
 */
int ckpt_allowance_options_take(const struct ckpt_command *command, int argc, char **argv,
                                int *index, struct ckpt_allowance_options *options);

/** Whether one of them was given. */
bool ckpt_allowance_options_given(const struct ckpt_allowance_options *options);

/** Print that they are for the built-in engine only; CKPT_EXIT_USAGE. */
int ckpt_allowance_options_conflict(const struct ckpt_command *command);

/** Read the policy file, if one is given, and check its rules. 0 or -1. */
int ckpt_allowance_options_read(struct ckpt_allowance_options *options, struct ckpt_error *error);

/** End a request with them: their lines, the empty line, and the text of the policy file. */
void ckpt_allowance_options_end(const struct ckpt_allowance_options *options, FILE *to);

#endif
