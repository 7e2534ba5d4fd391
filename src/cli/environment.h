/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The environment of a process to be restored, as options of `restore` put it together.
 */
#ifndef CKPT_CLI_ENVIRONMENT_H
#define CKPT_CLI_ENVIRONMENT_H

#include <stddef.h>

#include "base/error.h"

/**
 * Words KEY=VALUE, NULL behind the last; all zero: empty.  It is made once, for the process's whole
 * life, and never freed.
 */
struct ckpt_environment {
    char **words;
    size_t count, room;
};

/** Begin with all of @from, such as this process's own; the words stay the caller's. 0 or -1. */
int ckpt_environment_begin(struct ckpt_environment *environment, char *const *from,
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
