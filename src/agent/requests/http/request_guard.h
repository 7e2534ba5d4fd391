/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether a request to the HTTP endpoint is looked at, whatever it asks for: by where it comes
 * from, whom it believes to talk to, and whether it is clear where it ends.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_REQUEST_GUARD_H
#define CKPT_AGENT_REQUESTS_HTTP_REQUEST_GUARD_H

#include <event2/http.h>

#include "agent/requests/http/endpoint_address.h"

/** Whether one may go on with it: 0, or the status of the answer with the reason in @ret_why. */
int ckpt_http_guard(const struct ckpt_http_addr *addr, struct evhttp_request *request,
                    const char **ret_why);

#endif
