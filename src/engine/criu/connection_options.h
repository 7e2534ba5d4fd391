/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The options by which criu dumps connections: what the JVM and the command both have to know.
 */
#ifndef CKPT_ENGINE_CRIU_CONNECTION_OPTIONS_H
#define CKPT_ENGINE_CRIU_CONNECTION_OPTIONS_H

#include <string.h>

#include "engine/engine.h"

/** The connections (enum ckpt_connections) that @word keeps: an option of ours, or of criu's. */
static inline unsigned ckpt_criu_kept_connections(const char *word)
{
    const char *name = word + strspn(word, "-");
    size_t length = strcspn(name, "= \t");

    if ((length == 15 && strncmp(name, "tcp-established", length) == 0) ||
        (length == 9 && strncmp(name, "tcp-close", length) == 0))
        return CKPT_CONNECTIONS_TCP;
    if ((length == 11 && strncmp(name, "ext-unix-sk", length) == 0) ||
        (length == 8 && strncmp(name, "external", length) == 0))
        return CKPT_CONNECTIONS_UNIX;
    return 0;
}

#endif
