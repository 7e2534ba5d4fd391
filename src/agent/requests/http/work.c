/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See work.h. No request waits for another checkpoint, because the request that ends that one may
 * be waiting for the endpoint's thread.
 *
 * In a restored process there is no client: the connection was not restored, and the endpoint's
 * thread drops the work. So failures are logged.
 */
#include "agent/requests/http/work.h"

#include <stdlib.h>
#include <string.h>

#include "agent/requests/http/endpoint_fds.h"
#include "base/cleanup.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define THREAD "checkpointer http" /* its name in the JVM */

/* ckpt_request.overdue, on the watchdog's thread. */
static void overdue(struct ckpt_request *request, const char *text, bool final)
{
    struct ckpt_http_work *work = (struct ckpt_http_work *)request;

    if (!final)
        return;
    pthread_mutex_lock(&work->lock);
    free(work->hangs);
    work->hangs = strdup(text);
    pthread_mutex_unlock(&work->lock);
    ckpt_endpoint_fds_wake();
}

static void *carry_out(void *context)
{
    struct ckpt_http_work *work = context;
    enum ckpt_outcome outcome = ckpt_request_run(&work->request, THREAD);

    if (ckpt_is_restored_since(work->request.generation_mark)) {
        ckpt_http_work_log_reasons("error", "restored, but afterRestore failed", &work->request);
        ckpt_http_work_free(work);
        return NULL;
    }
    pthread_mutex_lock(&work->lock);
    work->outcome = outcome;
    work->done = true;
    pthread_mutex_unlock(&work->lock);
    /* From here the endpoint's thread owns the work: it is not used here any more. */
    ckpt_endpoint_fds_wake();
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

enum ckpt_http_work_state ckpt_http_work_progress(struct ckpt_http_work *work, char **ret_report)
{
    enum ckpt_http_work_state progress;

    pthread_mutex_lock(&work->lock);
    progress = work->done    ? CKPT_HTTP_WORK_DONE
               : work->hangs ? CKPT_HTTP_WORK_HANGS
                             : CKPT_HTTP_WORK_RUNNING;
    *ret_report = work->done ? NULL : CKPT_STEAL_POINTER(work->hangs);
    pthread_mutex_unlock(&work->lock);
    return progress;
}

void ckpt_http_work_free(struct ckpt_http_work *work)
{
    if (!work)
        return;
    pthread_mutex_destroy(&work->lock);
    ckpt_request_clear(&work->request);
    free(work->final_response);
    free(work->directory);
    free(work->hangs);
    free(work);
}

json_t *ckpt_http_work_reasons(const struct ckpt_request *request)
{
    json_t *reasons = request->reason_count ? json_array() : NULL;

    for (size_t i = 0; i < request->reason_count; i++)
        json_array_append_new(reasons, json_string(request->reasons[i]));
    return reasons;
}

json_t *ckpt_http_work_busy_reasons(void)
{
    struct ckpt_request request = {.step = CKPT_STEP_QUERY};
    json_t *reasons;

    ckpt_request_run(&request, THREAD);
    reasons = ckpt_http_work_reasons(&request);
    ckpt_request_clear(&request);
    return reasons;
}

void ckpt_http_work_log_reasons(const char *level, const char *what,
                                const struct ckpt_request *request)
{
    for (size_t i = 0; i < request->reason_count; i++)
        ckpt_log(level, "%s: %s", what, request->reasons[i]);
}
