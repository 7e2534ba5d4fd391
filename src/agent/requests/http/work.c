/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See work.h. No request waits here for another checkpoint: the requester that could end it may be
 * asking just now.
 *
 * In a restored process the requester's connection belonged to the other process, and the
 * endpoint's thread has forgotten the work, or soon will: what is left to say goes to the log.
 */
#include "agent/requests/http/work.h"

#include <stdlib.h>
#include <string.h>

#include "agent/requests/http/endpoint_fds.h"
#include "base/cleanup.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define THREAD "checkpointer http" /* as the JVM shows it */

/* ckpt_request.overdue, on the watch's thread. */
static void overdue(struct ckpt_request *request, const char *text, bool last)
{
    struct ckpt_http_work *work = (struct ckpt_http_work *)request;

    if (!last)
        return;
    pthread_mutex_lock(&work->lock);
    free(work->hangs);
    work->hangs = strdup(text);
    pthread_mutex_unlock(&work->lock);
    ckpt_http_fds_wake();
}

static void *carry_out(void *context)
{
    struct ckpt_http_work *work = context;
    enum ckpt_outcome outcome = ckpt_request_run(&work->request, THREAD);

    if (ckpt_is_restored_since(work->request.generation_mark)) {
        ckpt_http_log_reasons("error", "restored, but afterRestore failed", &work->request);
        ckpt_http_work_free(work);
        return NULL;
    }
    pthread_mutex_lock(&work->lock);
    work->outcome = outcome;
    work->over = true;
    pthread_mutex_unlock(&work->lock); /* from here on it is the endpoint's */
    ckpt_http_fds_wake();
    return NULL;
}

struct ckpt_http_work *ckpt_http_work_new(enum ckpt_step step)
{
    struct ckpt_http_work *work = calloc(1, sizeof *work);

    if (!work)
        return NULL;
    work->request.step = step;
    work->request.generation_mark = ckpt_generation_mark();
    work->request.written_text = "";
    work->request.overdue = overdue;
    pthread_mutex_init(&work->lock, NULL);
    return work;
}

int ckpt_http_work_start(struct ckpt_http_work *work)
{
    return ckpt_thread_start("ckpt request", carry_out, work) == 0 ? 0 : -1;
}

enum ckpt_http_progress ckpt_http_work_look(struct ckpt_http_work *work, char **ret_report)
{
    enum ckpt_http_progress progress;

    pthread_mutex_lock(&work->lock);
    progress = work->over ? CKPT_HTTP_OVER : work->hangs ? CKPT_HTTP_HANGS : CKPT_HTTP_GOING;
    *ret_report = work->over ? NULL : CKPT_STEAL_POINTER(work->hangs);
    pthread_mutex_unlock(&work->lock);
    return progress;
}

void ckpt_http_work_free(struct ckpt_http_work *work)
{
    if (!work)
        return;
    pthread_mutex_destroy(&work->lock);
    ckpt_request_clear(&work->request);
    free(work->last_answer);
    free(work->hangs);
    free(work);
}

json_t *ckpt_http_reasons(const struct ckpt_request *request)
{
    json_t *reasons = request->reason_count ? json_array() : NULL;

    for (size_t i = 0; i < request->reason_count; i++)
        json_array_append_new(reasons, json_string(request->reasons[i]));
    return reasons;
}

json_t *ckpt_http_busy(void)
{
    struct ckpt_request request = {.step = CKPT_STEP_QUERY};
    json_t *reasons;

    ckpt_request_run(&request, THREAD);
    reasons = ckpt_http_reasons(&request);
    ckpt_request_clear(&request);
    return reasons;
}

void ckpt_http_log_reasons(const char *level, const char *what, const struct ckpt_request *request)
{
    for (size_t i = 0; i < request->reason_count; i++)
        ckpt_log(level, "%s: %s", what, request->reasons[i]);
}
