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

#include "agent/checkpoint.h"
#include "agent/requests/http/request_body.h"

/** What the methods of jdk.crac.impl.Checkpoint return. */
enum ckpt_http_outcome { CKPT_HTTP_DONE, CKPT_HTTP_NOTHING, CKPT_HTTP_FAILED, CKPT_HTTP_BROKEN };

enum ckpt_http_progress { CKPT_HTTP_GOING, CKPT_HTTP_HANGS, CKPT_HTTP_OVER };

struct ckpt_http_server;

struct ckpt_http_work {
    struct ckpt_request request; /**< first: the hooks' watch knows its address */
    const char *method;          /**< of Checkpoint: static, without parameters */
    bool collect;                /**< garbage, if that went well */
    struct ckpt_http_body body;
    char *last_answer;            /**< malloc'd: request.written_text */
    struct evhttp_request *asked; /**< who waits for an answer; of the endpoint's thread alone */

    /** Tells what came of it, on the endpoint's thread. */
    void (*tell)(struct ckpt_http_server *server, struct ckpt_http_work *work);
    enum ckpt_http_outcome outcome;
    json_t *reasons; /**< NULL or an array of strings and nulls */

    pthread_mutex_t lock;
    bool over;
    char *hangs; /**< malloc'd: the report of a hook that does not react */
};

/** A new one; NULL if there is no memory. */
struct ckpt_http_work *ckpt_http_work_new(const char *method);

/** Begin. Whenever there is something to look at, ckpt_http_fds_wake() is called. 0 or -1. */
int ckpt_http_work_start(struct ckpt_http_work *work);

/** How far it is; of a hook that hangs, the report, once and malloc'd. */
enum ckpt_http_progress ckpt_http_work_look(struct ckpt_http_work *work, char **ret_report);

/** Free one that has not begun, or is over. NULL allowed. */
void ckpt_http_work_free(struct ckpt_http_work *work);

/** What it is that another checkpoint waits for, like @reasons; NULL if that cannot be said. */
json_t *ckpt_http_busy(void);

/** Write each of @reasons to the log. */
void ckpt_http_log_reasons(const char *level, const char *what, json_t *reasons);

#endif
