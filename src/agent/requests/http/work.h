/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The work of a request to the HTTP endpoint in the JVM: hooks, a collection, a freeze. It has its
 * own thread, so that the endpoint answers other requests meanwhile, even if a hook hangs. There is
 * only one at a time.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_WORK_H
#define CKPT_AGENT_REQUESTS_HTTP_WORK_H

#include <event2/http.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

#include "agent/requests/http/request_body.h"
#include "agent/requests/request.h"

enum ckpt_http_work_state { CKPT_HTTP_WORK_RUNNING, CKPT_HTTP_WORK_HANGS, CKPT_HTTP_WORK_DONE };

struct ckpt_http_server;

struct ckpt_http_work {
    struct ckpt_request request; /**< first, for its callbacks */
    struct ckpt_request_body body;
    char *directory;               /**< malloc'd, set before the hooks: of the image */
    char *final_response;          /**< malloc'd, likewise: request.written_text */
    struct ckpt_http_work *next;   /**< waits for this one */
    struct evhttp_request *client; /**< still to be answered; used on the endpoint's thread only */

    /** Answers the client according to the outcome, on the endpoint's thread. */
    void (*respond)(struct ckpt_http_server *server, struct ckpt_http_work *work);
    enum ckpt_outcome outcome;

    pthread_mutex_t lock;
    bool done;
    char *hangs; /**< malloc'd: the report of a hook that does not react */
};

/** A new one; NULL if there is no memory. */
struct ckpt_http_work *ckpt_http_work_new(enum ckpt_step step);

/** Start the thread. When the progress changes, it calls ckpt_endpoint_fds_wake(). 0 or -1. */
int ckpt_http_work_start(struct ckpt_http_work *work);

/** Its progress. If a hook hangs, @ret_report is the report, once and malloc'd. */
enum ckpt_http_work_state ckpt_http_work_progress(struct ckpt_http_work *work, char **ret_report);

/** Free work that has not started, or is done. NULL is allowed. */
void ckpt_http_work_free(struct ckpt_http_work *work);

/** The reasons of a request as an array of strings; NULL if there are none. */
json_t *ckpt_http_work_reasons(const struct ckpt_request *request);

/** What the checkpoint in progress waits for, likewise; NULL if unknown. */
json_t *ckpt_http_work_busy_reasons(void);

/** Write each reason to the log. */
void ckpt_http_work_log_reasons(const char *level, const char *what,
                                const struct ckpt_request *request);

#endif
