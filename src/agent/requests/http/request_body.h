/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Parses the body of a request to the HTTP endpoint, and checks its type.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_REQUEST_BODY_H
#define CKPT_AGENT_REQUESTS_HTTP_REQUEST_BODY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "engine/allowance.h"
#include "engine/labels.h"

/** The members of POST /checkpoint. */
struct ckpt_request_body {
    char directory[PATH_MAX]; /**< absolute, with patterns; "": that of the agent's option */
    struct ckpt_labels labels;
    char engine[16]; /**< a name that may not exist; "": the agent's option decides */
    bool leave_running;
    struct ckpt_allowance allowance; /**< what is not set, the agent's options decide */
    char policies[PATH_MAX];         /**< the path of a policy file; "": likewise */
    int gc;                          /**< 1 yes, -1 no, 0: the agent's option decides */
    int rehearsal;                   /**< the same */
};

/** Parse @size bytes of JSON; 0 bytes are an empty object. 0 or -1. */
int ckpt_request_body_parse(const char *text, size_t size, struct ckpt_request_body *ret,
                            struct ckpt_error *error);

/**
 * Whether a POST may have this Content-Type (NULL: it has none). The types that a web page's form
 * can send are refused, except for an empty body, because some clients always send a form's type.
 */
bool ckpt_request_body_type_is_allowed(const char *type, bool empty);

#endif
