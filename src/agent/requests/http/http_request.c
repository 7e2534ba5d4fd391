/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See http_request.h. The peer and the origin are checked before the path, so that other users and
 * web pages learn nothing. The thread is attached to the JVM only while it calls
 * jdk.crac.impl.Checkpoint. It never waits for another checkpoint, because the request that ends
 * that one may be waiting for this thread.
 */
#include "agent/requests/http/http_request.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http_struct.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/options.h"
#include "agent/policy_option.h"
#include "agent/requests/halves.h"
#include "agent/requests/http/endpoint_fds.h"
#include "agent/requests/http/request_guard.h"
#include "agent/requests/http/work.h"
#include "base/cleanup.h"
#include "engine/engine.h"
#include "runtime/generation.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define BUSY "another checkpoint is in progress"
#define REPEATABLE_WAIT_MS 600000 /* with compatible=true, for requests by other ways */
#define GET_METHODS (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD)

/* ---- answers ---- */

static int descriptor_of(struct evhttp_request *request)
{
    return bufferevent_getfd(
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(request)));
}

static void add_header(struct evhttp_request *request, const char *name, const char *value)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

    evhttp_remove_header(headers, name);
    evhttp_add_header(headers, name, value);
}

/* Consumes @body, which may be NULL. Without @server, the connection is closed. */
static void answer(struct ckpt_http_server *server, struct evhttp_request *request, int status,
                   json_t *body)
{
    ckpt_auto_free char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct evbuffer *buffer = evbuffer_new();
    int fd = descriptor_of(request);

    json_decref(body);
    if (!server || server->closing || ckpt_endpoint_fds_is_forbidden(fd) || ckpt_halves_are_open())
        add_header(request, "Connection", "close");
    if (text && buffer) {
        char length[24];

        snprintf(length, sizeof length, "%zu", strlen(text) + 1);
        add_header(request, "Content-Type", "application/json");
        add_header(request, "Content-Length", length);
        if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
            evbuffer_add_printf(buffer, "%s\n", text);
    }
    evhttp_send_reply(request, status, NULL, buffer);
    if (buffer)
        evbuffer_free(buffer);
    ckpt_endpoint_fds_answered(fd);
}

/* {"error": TEXT, "reasons": [...]}; consumes @reasons, which may be NULL. */
static void answer_error(struct ckpt_http_server *server, struct evhttp_request *request,
                         int status, const char *text, json_t *reasons)
{
    json_t *body = json_pack("{s:s}", "error", text);

    if (body && reasons)
        json_object_set(body, "reasons", reasons);
    json_decref(reasons);
    answer(server, request, status, body);
}

/*
 * The answer to a request that libevent cannot parse. The linker replaces libevent's
 * evhttp_send_page_(), which answers in HTML, by this function (src/meson.build).
 */
void ckpt_http_request_send_page(struct evhttp_request *request, struct evbuffer *html);

void ckpt_http_request_send_page(struct evhttp_request *request, struct evbuffer *html)
{
    int status = evhttp_request_get_response_code(request);
    const char *text = "this is not an HTTP request, or its headers are too large";

    (void)html;
    if (status == HTTP_ENTITYTOOLARGE)
        text = "the body is too large, or its chunks are malformed";
    else if (status == HTTP_EXPECTATIONFAILED)
        text = "the only supported Expect is 100-continue";
    request->major = request->minor = 1; /* may be unset or another version */
    answer_error(NULL, request, status ? status : HTTP_BADREQUEST, text, NULL);
}

/* ---- the requests ---- */

/* Start server->work; if the JVM accepts no thread, answer so, also those that wait after it. */
static void start_work(struct ckpt_http_server *server)
{
    while (server->work && ckpt_http_work_start(server->work) < 0) {
        struct ckpt_http_work *work = server->work;

        server->work = work->next;
        answer_error(server, work->client, 503, "the JVM accepts no further thread", NULL);
        ckpt_http_work_free(work);
    }
}

/*
 * Start the work, which answers by its own function, or let it wait for the work in progress.
 * Consumes @work.
 */
static void begin(struct ckpt_http_server *server, struct ckpt_http_work *work)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(work->client);
    struct ckpt_http_work **last = &server->work;

    /* Until the answer, nothing is read from the connection, so that it stays open. */
    bufferevent_disable(evhttp_connection_get_bufferevent(connection), EV_READ);
    ckpt_endpoint_fds_served(descriptor_of(work->client));
    while (*last)
        last = &(*last)->next;
    *last = work;
    if (server->work == work)
        start_work(server);
}

/* As the first system's endpoint: its tools request a half twice, or the second one alone. */
static bool is_repeatable(enum ckpt_step step)
{
    return ckpt_options.compatible && step != CKPT_STEP_CHECKPOINT;
}

/*
 * NULL after an error answer: a checkpoint is in progress, or there is no memory. Between the two
 * halves of a checkpoint only the second one becomes work, so that it finds none in progress: its
 * client may not try again.
 */
static struct ckpt_http_work *
new_work(struct ckpt_http_server *server, struct evhttp_request *request, enum ckpt_step step,
         void (*respond)(struct ckpt_http_server *, struct ckpt_http_work *))
{
    bool busy = !is_repeatable(step) &&
                (server->work || (step != CKPT_STEP_RESUME && ckpt_halves_are_open()));
    struct ckpt_http_work *work = busy ? NULL : ckpt_http_work_new(step);

    if (!work) {
        answer_error(server, request, busy ? 409 : 503, busy ? BUSY : "out of memory",
                     ckpt_http_work_busy_reasons());
        return NULL;
    }
    work->client = request;
    work->request.repeatable = is_repeatable(step);
    work->request.wait_ms = work->request.repeatable ? REPEATABLE_WAIT_MS : 0;
    work->request.reply_fd = descriptor_of(request);
    work->respond = respond;
    return work;
}

/* For work whose client has been answered or is gone. */
static void log_unanswered(const char *path, const struct ckpt_http_work *work)
{
    ckpt_http_work_log_reasons("warning", path, &work->request);
}

/* The answer to any request that failed. */
static void answer_failure(struct ckpt_http_server *server, struct ckpt_http_work *work,
                           const char *failed)
{
    if (work->outcome == CKPT_OUTCOME_BUSY)
        answer_error(server, work->client, 409, BUSY, ckpt_http_work_reasons(&work->request));
    else if (work->outcome == CKPT_OUTCOME_NO_THREAD)
        answer_error(server, work->client, 503, "the JVM is starting or ending", NULL);
    else
        answer_error(server, work->client, 500,
                     work->outcome == CKPT_OUTCOME_BROKEN ? "checkpoint failed" : failed,
                     ckpt_http_work_reasons(&work->request));
}

/*
 * The client may freeze the process as soon as it has this answer, and the connection must be
 * closed by then. So the kernel sends the answer when the connection is closed.
 */
static void answer_and_close(struct ckpt_http_server *server, struct evhttp_request *request)
{
    static const int on = 1;

    setsockopt(descriptor_of(request), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    answer(server, request, HTTP_NOCONTENT, NULL);
}

static void answer_before_checkpoint(struct ckpt_http_server *server, struct ckpt_http_work *work)
{
    if (!work->client)
        log_unanswered("/before-checkpoint", work);
    else if (work->outcome == CKPT_OUTCOME_DONE)
        answer_and_close(server, work->client);
    else
        answer_failure(server, work, "hooks failed, the application continues");
}

static void before_checkpoint(struct ckpt_http_server *server, struct evhttp_request *request)
{
    struct ckpt_http_work *work =
        new_work(server, request, CKPT_STEP_PREPARE, answer_before_checkpoint);

    if (work)
        begin(server, work);
}

/* The answer to /after-restore is sent: a closing endpoint may end. */
static void on_answer_sent(struct evhttp_request *request, void *context)
{
    (void)request;
    ((struct ckpt_http_server *)context)->answer_pending = false;
}

/* The process was restored, even if hooks failed: the endpoint closes, unless shutdown=false. */
static void close_after(struct ckpt_http_server *server, struct evhttp_request *request)
{
    if (!ckpt_options.shutdown)
        return;
    server->closing = true;
    if (!request)
        return;
    server->answer_pending = true;
    evhttp_request_set_on_complete_cb(request, on_answer_sent, server);
}

static void answer_after_restore(struct ckpt_http_server *server, struct ckpt_http_work *work)
{
    if (work->outcome == CKPT_OUTCOME_DONE || work->outcome == CKPT_OUTCOME_INCOMPLETE)
        close_after(server, work->client);
    if (!work->client)
        log_unanswered("/after-restore", work);
    else if (work->outcome == CKPT_OUTCOME_DONE)
        answer(server, work->client, HTTP_NOCONTENT, NULL);
    else if (work->outcome == CKPT_OUTCOME_NOT_BEGUN)
        answer_error(server, work->client, 409, "there was no /before-checkpoint, or it was undone",
                     NULL);
    else
        answer_failure(server, work, "restored, but hooks failed");
}

static void after_restore(struct ckpt_http_server *server, struct evhttp_request *request)
{
    struct ckpt_http_work *work = new_work(server, request, CKPT_STEP_RESUME, answer_after_restore);

    if (work)
        begin(server, work);
}

static json_t *written(const char *directory)
{
    json_t *path = json_string(directory ? directory : "");

    /* A path that is not UTF-8 can only come from the option, not from the request. */
    return json_pack("{s:s, s:o}", "state", "written", "directory", path ? path : json_null());
}

/* A complete HTTP response, malloc'd, or NULL. Consumes @body. */
static char *http_response(const char *status, json_t *body)
{
    ckpt_auto_free char *content = body ? json_dumps(body, JSON_COMPACT) : NULL;
    char *text = NULL;

    json_decref(body);
    if (!content || asprintf(&text,
                             "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                             "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                             status, strlen(content) + 1, content) < 0)
        return NULL;
    return text;
}

/*
 * ckpt_request.named, on the request's thread: make the response that is sent while all threads are
 * parked, just before the process ends. The endpoint's thread reads the two fields only afterwards.
 */
static void name_image(struct ckpt_request *request, const char *directory)
{
    struct ckpt_http_work *work = (struct ckpt_http_work *)request; /* its first member */

    work->directory = strdup(directory);
    work->final_response = http_response("200 OK", written(directory));
    if (work->final_response)
        request->written_text = work->final_response;
}

static void answer_checkpoint(struct ckpt_http_server *server, struct ckpt_http_work *work)
{
    if (!work->client)
        log_unanswered("/checkpoint", work);
    else if (work->outcome == CKPT_OUTCOME_DONE)
        answer(server, work->client, HTTP_OK, written(work->directory));
    else
        answer_failure(server, work,
                       work->outcome == CKPT_OUTCOME_INCOMPLETE
                           ? "the image is written, but afterRestore failed"
                           : "checkpoint cancelled, the application continues");
}

static void checkpoint(struct ckpt_http_server *server, struct evhttp_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(input);
    struct ckpt_http_work *work;
    struct ckpt_policies *policies = NULL;
    struct ckpt_request_body body;
    struct ckpt_error error;

    if (ckpt_request_body_parse((const char *)evbuffer_pullup(input, -1), size, &body, &error) <
        0) {
        answer_error(server, request, HTTP_BADREQUEST, error.text, NULL);
        return;
    }
    if (*body.engine && !ckpt_engine_jvm_find(body.engine)) {
        answer_error(server, request, HTTP_BADREQUEST, "\"engine\": expected auto, builtin or criu",
                     NULL);
        return;
    }
    if (!*body.directory && !*ckpt_options.image) {
        answer_error(server, request, HTTP_BADREQUEST,
                     "\"directory\" is missing, and the agent option image is not set", NULL);
        return;
    }
    if (*body.policies && ckpt_policy_option_load(body.policies, false, &policies, &error) < 0) {
        answer_error(server, request, HTTP_BADREQUEST, error.text, NULL);
        return;
    }
    work = new_work(server, request, CKPT_STEP_CHECKPOINT, answer_checkpoint);
    if (!work) {
        free(policies);
        return;
    }
    work->body = body;
    work->request.directory = *body.directory ? work->body.directory : NULL;
    work->request.labels = &work->body.labels;
    work->request.engine = *body.engine ? work->body.engine : NULL;
    work->request.leave_running = body.leave_running;
    work->request.allowance = body.allowance;
    work->request.policies = policies;
    work->request.gc = body.gc;
    work->request.rehearsal = body.rehearsal;
    work->request.named = name_image;
    begin(server, work);
}

static json_t *restore_time(void)
{
    time_t when = (time_t)(ckpt_restored_at_ms() / 1000);
    struct tm parts;
    char text[32];

    if (!ckpt_is_restored() || !gmtime_r(&when, &parts))
        return json_null();
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

static void status(struct ckpt_http_server *server, struct evhttp_request *request)
{
    const struct ckpt_options *options = &ckpt_options;
    json_t *image = *options->image ? json_string(options->image) : NULL;

    answer(server, request, HTTP_OK,
           json_pack("{s:s, s:i, s:s, s:i, s:o, s:s, s:{s:o, s:b, s:b, s:i, s:i}}", "version",
                     CKPT_VERSION, "pid", (int)getpid(), "java", ckpt_jvm.version, "generation",
                     (int)ckpt_generation(), "restored", restore_time(), "state",
                     server->work             ? "working"
                     : ckpt_halves_are_open() ? "before-checkpoint"
                                              : "running",
                     "options", "image", image ? image : json_null(), "gc", (int)options->gc,
                     "shutdown", (int)options->shutdown, "shutdownTimeout",
                     (int)options->shutdown_timeout_s, "undoTimeout",
                     (int)options->undo_timeout_s));
}

/* ---- the paths ---- */

static const struct route {
    const char *path;
    int methods;
    const char *allow;
    void (*serve)(struct ckpt_http_server *server, struct evhttp_request *request);
} routes[] = {
    {"/before-checkpoint", EVHTTP_REQ_POST, "POST", before_checkpoint},
    {"/after-restore", EVHTTP_REQ_POST, "POST", after_restore},
    {"/checkpoint", EVHTTP_REQ_POST, "POST", checkpoint},
    {"/status", GET_METHODS, "GET, HEAD", status},
};

static const struct route *find_route(struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

    if (!path || !*path) /* for CONNECT libevent parses no path */
        path = evhttp_request_get_uri(request);

    for (size_t i = 0; path && i < CKPT_COUNT(routes); i++)
        if (strcmp(path, routes[i].path) == 0)
            return &routes[i];
    return NULL;
}

/* The status and the reason if the request is refused, whatever its path; otherwise 0. */
static int refuse(const struct ckpt_http_server *server, struct evhttp_request *request,
                  const char **ret_why)
{
    int status;

    if (ckpt_endpoint_fds_is_forbidden(descriptor_of(request))) {
        *ret_why = "only the JVM's owner and root, on the same machine, may use this endpoint";
        return 403;
    }
    status = ckpt_request_guard_check(&server->addr, request, ret_why);
    if (status == HTTP_BADREQUEST)
        add_header(request, "Connection", "close"); /* following data may belong to this request */
    if (request->type == EVHTTP_REQ_CONNECT) {
        add_header(request, "Connection", "close");
        request->type =
            EVHTTP_REQ_TRACE; /* refused, too, but libevent then closes the connection */
    }
    return status;
}

void ckpt_http_request_handle(struct evhttp_request *request, void *context)
{
    struct ckpt_http_server *server = context;
    const char *why = NULL;
    int refused = refuse(server, request, &why);
    const struct route *route = find_route(request);
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    bool empty = evbuffer_get_length(evhttp_request_get_input_buffer(request)) == 0;

    if (refused) {
        answer_error(server, request, refused, why, NULL);
    } else if (!route) {
        answer_error(server, request, HTTP_NOTFOUND, "there is no such path", NULL);
    } else if (!(evhttp_request_get_command(request) & route->methods)) {
        add_header(request, "Allow", route->allow);
        answer_error(server, request, HTTP_BADMETHOD, "this method is not allowed here", NULL);
    } else if (!ckpt_request_body_type_is_allowed(evhttp_find_header(headers, "Content-Type"),
                                                  empty)) {
        answer_error(server, request, 415, "the body's Content-Type must be application/json",
                     NULL);
    } else {
        route->serve(server, request);
    }
}

void ckpt_http_request_on_wakeup(struct ckpt_http_server *server)
{
    struct ckpt_http_work *work = server->work;
    ckpt_auto_free char *report = NULL;

    if (!work)
        return;
    switch (ckpt_http_work_progress(work, &report)) {
    case CKPT_HTTP_WORK_HANGS:
        if (work->client)
            answer_error(server, work->client, 500, "a hook hangs", json_pack("[s]", report));
        work->client = NULL;
        break;
    case CKPT_HTTP_WORK_DONE:
        server->work = work->next;
        work->respond(server, work);
        ckpt_http_work_free(work);
        start_work(server);
        break;
    default: /* CKPT_HTTP_WORK_RUNNING */
        break;
    }
}

void ckpt_http_request_drop_clients(struct ckpt_http_server *server)
{
    if (!server->work)
        return;
    server->work->client = NULL;
    for (struct ckpt_http_work *next, *at = server->work->next; at; at = next) {
        next = at->next;
        ckpt_http_work_free(at);
    }
    server->work->next = NULL;
}
