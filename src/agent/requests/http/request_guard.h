/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks that apply to all requests to the HTTP endpoint: that they do not come from a web page,
 * are addressed to this endpoint, and have an unambiguous end.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_REQUEST_GUARD_H
#define CKPT_AGENT_REQUESTS_HTTP_REQUEST_GUARD_H

#include <event2/http.h>

#include "agent/requests/http/endpoint_address.h"

/** 0 if the request may be served, otherwise the status of the answer, with the reason. */
int ckpt_request_guard_check(const struct ckpt_endpoint_address *addr,
                             struct evhttp_request *request, const char **ret_reason);

#endif
