/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a request to the HTTP endpoint has the JVM do: hooks, a collection, a freeze. On a thread of
 * its own, so that the endpoint answers others meanwhile, also if a hook hangs. One at a time.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_WORK_H
#define CKPT_AGENT_REQUESTS_HTTP_WORK_H

#include <event2/http.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

#include "agent/requests/http/request_body.h"
#include "agent/requests/request.h"

enum ckpt_http_progress { CKPT_HTTP_GOING, CKPT_HTTP_HANGS, CKPT_HTTP_OVER };

struct ckpt_http_server;

struct ckpt_http_work {
    struct ckpt_request request; /**< first, for its overdue() */
    struct ckpt_http_body body;
    char *last_answer;            /**< malloc'd: request.written_text */
    struct evhttp_request *asked; /**< who waits for an answer; of the endpoint's thread alone */

    /** Tells what came of it, on the endpoint's thread. */
    void (*tell)(struct ckpt_http_server *server, struct ckpt_http_work *work);
    enum ckpt_outcome outcome;

    pthread_mutex_t lock;
    bool over;
    char *hangs; /**< malloc'd: the report of a hook that does not react */
};

/** A new one; NULL if there is no memory. */
struct ckpt_http_work *ckpt_http_work_new(enum ckpt_step step);

/** Begin. Whenever there is something to look at, ckpt_http_fds_wake() is called. 0 or -1. */
int ckpt_http_work_start(struct ckpt_http_work *work);

/** How far it is; of a hook that hangs, the report, once and malloc'd. */
enum ckpt_http_progress ckpt_http_work_look(struct ckpt_http_work *work, char **ret_report);

/** Free one that has not begun, or is over. NULL allowed. */
void ckpt_http_work_free(struct ckpt_http_work *work);

/** The reasons of a request as an array of strings; NULL if there are none. */
json_t *ckpt_http_reasons(const struct ckpt_request *request);

/** What it is that another checkpoint waits for, likewise; NULL if that cannot be told. */
json_t *ckpt_http_busy(void);

/** Write each reason to the log. */
void ckpt_http_log_reasons(const char *level, const char *what, const struct ckpt_request *request);

#endif
