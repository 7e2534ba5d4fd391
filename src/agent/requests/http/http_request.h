/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request to the HTTP endpoint, from its headers to the answer, on the endpoint's thread; what
 * takes long is done by another (work.h).
 * docs/openapi.yaml says what there is to ask for.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_HTTP_REQUEST_H
#define CKPT_AGENT_REQUESTS_HTTP_HTTP_REQUEST_H

#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/requests/http/endpoint_address.h"

/** What requests and the endpoint's life (endpoint.c) tell each other. */
struct ckpt_http_work;

struct ckpt_http_server {
    struct ckpt_http_addr addr;
    struct ckpt_http_work *work; /**< what the JVM is at for somebody; else NULL */
    bool closing;                /**< answer what is on its way, take nothing new */
    bool last_word_pending;      /**< the answer to /after-restore is not yet out */
};

/** libevent's callback for every request; @context is the server. */
void ckpt_http_handle(struct evhttp_request *request, void *context);

/** To be called when the work has woken the endpoint's thread: tell what came of it. */
void ckpt_http_look(struct ckpt_http_server *server);

#endif
