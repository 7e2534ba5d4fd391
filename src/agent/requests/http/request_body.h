/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the body of a request to the HTTP endpoint says, and whether it is of a type that is read.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_REQUEST_BODY_H
#define CKPT_AGENT_REQUESTS_HTTP_REQUEST_BODY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/** The members of POST /checkpoint. */
struct ckpt_http_body {
    char directory[PATH_MAX]; /**< absolute; "": that of the agent's option */
    bool leave_running;
    int gc;        /**< 1 yes, -1 no, 0 as the agent's option says */
    int rehearsal; /**< the same */
};

/** Understand @size bytes of JSON; none at all are an empty object. 0, or -1 with what is wrong. */
int ckpt_http_body_parse(const char *text, size_t size, struct ckpt_http_body *ret,
                         struct ckpt_error *error);

/**
 * Whether a POST may have this Content-Type (NULL: it has none). Those that a web page's form can
 * have are refused; an empty body may be called a form, since some clients always say so.
 */
bool ckpt_http_type_is_good(const char *type, bool empty);

#endif
