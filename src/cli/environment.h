/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The environment of a process to be restored, built from options of `restore`.
 */
#ifndef CKPT_CLI_ENVIRONMENT_H
#define CKPT_CLI_ENVIRONMENT_H

#include <stddef.h>

#include "base/error.h"

/**
 * Words KEY=VALUE, NULL after the last. Initialise with zeros. Never freed: the process ends or
 * becomes the restored one.
 */
struct ckpt_environment {
    char **words;
    size_t count, capacity;
};

/** Start with the words of @from, which are not copied. 0 or -1. */
int ckpt_environment_begin(struct ckpt_environment *environment, char *const *from,
                           struct ckpt_error *error);

/**
 * Set a variable: "KEY=VALUE", or "KEY" for the value that this process has. A key that it does not
 * have is ignored, as in container runtimes. 0 or -1.
 */
int ckpt_environment_set(struct ckpt_environment *environment, const char *word,
                         struct ckpt_error *error);

/**
 * Set the variables in the lines of a file: "KEY=VALUE" or "KEY" as above, values taken literally,
 * without quoting. Empty lines and lines that begin with '#' are skipped. 0, or -1 and @error names
 * the line.
 */
int ckpt_environment_read(struct ckpt_environment *environment, const char *path,
                          struct ckpt_error *error);

#endif
