/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Requests to the agent in a JVM over its control socket.
 */
#ifndef CKPT_CLI_AGENT_REQUEST_H
#define CKPT_CLI_AGENT_REQUEST_H

#include <limits.h>

#include "cli/cli.h"
#include "engine/engine.h"

/** What is known of a request, and what the agent reports of it. Zero for a simple one. */
struct ckpt_agent_progress {
    const struct ckpt_engine *driven; /**< the engine whose freeze this command drives, or NULL */
    struct ckpt_freeze_request freeze;
    char directory[PATH_MAX]; /**< of the image, if the agent reports it; otherwise "" */
    char address[512];        /**< of the endpoint, likewise */
    /** Called with what follows "found " in each such line; NULL: they are ignored. */
    void (*found)(void *context, const char *line);
    void *context;      /**< for found() */
    bool collects;      /**< lines of text become the error's text, and are not printed */
    unsigned timeout_s; /**< how long to wait for each line; 0: without limit */
};

/**
 * Send a request, after loading the agent if the JVM does not have it, and wait for the answer. Its
 * lines of text are printed to standard error.
 * @return 1: the image is written and the JVM ends; 0: the JVM continues, or ends only after this
 *     command has; -1: failed, with @error, whose text is "" if the reasons are printed
 */
int ckpt_agent_request(const struct ckpt_target *target, const char *request,
                       struct ckpt_agent_progress *progress, struct ckpt_error *error);

/** The same for a request of @size bytes, after whose empty line more follows. */
int ckpt_agent_send(const struct ckpt_target *target, const char *request, size_t size,
                    struct ckpt_agent_progress *progress, struct ckpt_error *error);

#endif
