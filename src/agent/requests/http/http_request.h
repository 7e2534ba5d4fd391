/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request to the HTTP endpoint, from its headers to the answer, on the endpoint's thread.
 * Another thread does the work that takes long (work.h). docs/openapi.yaml describes the requests.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_HTTP_REQUEST_H
#define CKPT_AGENT_REQUESTS_HTTP_HTTP_REQUEST_H

#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/requests/http/endpoint_address.h"

struct ckpt_http_work;

/** The state that requests share with endpoint.c. */
struct ckpt_http_server {
    struct ckpt_endpoint_address addr;
    struct ckpt_http_work *work; /**< the work in progress, and what waits for it, or NULL */
    bool closing;                /**< finish requests in progress, accept no others */
    bool answer_pending;         /**< the answer to /after-restore is not yet sent */
};

/** libevent's callback for every request; @context is the server. */
void ckpt_http_request_handle(struct evhttp_request *request, void *context);

/** Called when the work has woken the endpoint's thread: answer its request, if that is due. */
void ckpt_http_request_on_wakeup(struct ckpt_http_server *server);

/** All clients are gone: what waits is not carried out. */
void ckpt_http_request_drop_clients(struct ckpt_http_server *server);

#endif
