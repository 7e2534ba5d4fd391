/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The environment of a process to be restored, as options of `restore` put it together.
 */
#ifndef CKPT_CLI_ENVIRONMENT_H
#define CKPT_CLI_ENVIRONMENT_H

#include <stddef.h>

#include "base/error.h"

/** Words KEY=VALUE, each key once, NULL behind the last; all zero: empty. */
struct ckpt_environment {
    char **words;
    size_t count, room;
};

/** Add all of @from, such as this process's own. 0 or -1. */
int ckpt_environment_add(struct ckpt_environment *environment, char *const *from,
                         struct ckpt_error *error);

/**
 * Set what @word says: "KEY=VALUE", or "KEY" for the value that this process has; a key that it
 * does not have is left out, as container runtimes do. 0 or -1.
 */
int ckpt_environment_set(struct ckpt_environment *environment, const char *word,
                         struct ckpt_error *error);

/**
 * Set what the lines of a file say: "KEY=VALUE" or "KEY" as above, the value as it stands, without
 * any quoting; empty lines and lines that begin with '#' say nothing. 0, or -1 naming the line.
 */
int ckpt_environment_read(struct ckpt_environment *environment, const char *path,
                          struct ckpt_error *error);

#endif
