/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's answer to a request (agent/requests/control_socket.h), line by line, with the offer
 * that a JVM makes to a command that drives its freeze.
 */
#ifndef CKPT_CLI_AGENT_ANSWER_H
#define CKPT_CLI_AGENT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "engine/engine.h"

struct ckpt_agent_answer {
    int connection;
    char buffer[4096];
    size_t start, end;
    int fds[256]; /**< received, and not yet part of an offer */
    size_t fd_count;
};

void ckpt_agent_answer_begin(struct ckpt_agent_answer *answer, int connection);

/** Close the descriptors that were received, not the connection. */
void ckpt_agent_answer_end(struct ckpt_agent_answer *answer);

/** The next line without its newline, valid until the next call; NULL at the end. */
const char *ckpt_agent_answer_line(struct ckpt_agent_answer *answer);

/** Read the offer that follows the line "frozen SIZE". The caller frees it. */
int ckpt_agent_answer_offer(struct ckpt_agent_answer *answer, const char *line,
                            struct ckpt_offered *ret_offered, struct ckpt_error *error);

void ckpt_offered_free(struct ckpt_offered *offered);

#endif
