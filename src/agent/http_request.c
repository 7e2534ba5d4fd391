/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See http_request.h. First who asks and from where, then what for: a stranger or a web page learns
 * nothing. The thread is attached to the JVM only while it calls jdk.crac.impl.Checkpoint, which
 * never waits here for another checkpoint: the one who could end it may be waiting for this thread.
 */
#include "agent/http_request.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http_struct.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/checkpoint.h"
#include "agent/http_body.h"
#include "agent/http_fds.h"
#include "agent/http_guard.h"
#include "base/cleanup.h"

#define BUSY "another checkpoint is on its way"
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

/* Takes @body, NULL for none. Without @server, the connection ends here. */
static void answer(struct ckpt_http_server *server, struct evhttp_request *request, int status,
                   json_t *body)
{
    ckpt_auto_free char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct evbuffer *buffer = evbuffer_new();
    int fd = descriptor_of(request);

    json_decref(body);
    if (!server || server->closing || ckpt_http_fds_is_stranger(fd))
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
    ckpt_http_fds_answered(fd);
}

/* {"error": TEXT} with the reasons, if there are any, taken. */
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
 * What libevent says to that which it does not understand. Its own function of this name says it in
 * HTML, and gives way to this one: src/meson.build.
 */
void evhttp_send_page_(struct evhttp_request *request, struct evbuffer *html);

void evhttp_send_page_(struct evhttp_request *request, struct evbuffer *html)
{
    int status = evhttp_request_get_response_code(request);
    const char *text = "this is no HTTP request, or its headers are too large";

    (void)html;
    if (status == HTTP_ENTITYTOOLARGE)
        text = "the body is too large, or its chunks are malformed";
    else if (status == HTTP_EXPECTATIONFAILED)
        text = "nothing but 100-continue can be expected here";
    request->major = request->minor = 1; /* whatever it said */
    answer_error(NULL, request, status ? status : HTTP_BADREQUEST, text, NULL);
}

/* ---- the Java side ---- */

enum outcome { DONE, NOTHING, FAILED, BROKEN }; /* what the methods of Checkpoint return */

/* In true UTF-8, which JNI's own function does not give. NULL with an exception pending or none. */
static json_t *text_of(JNIEnv *env, jstring string)
{
    jclass class = (*env)->FindClass(env, "java/lang/String");
    jmethodID method =
        class ? (*env)->GetMethodID(env, class, "getBytes", "(Ljava/lang/String;)[B") : NULL;
    jstring charset = method ? (*env)->NewStringUTF(env, "UTF-8") : NULL;
    jbyteArray array = charset ? (*env)->CallObjectMethod(env, string, method, charset) : NULL;
    bool failed = (*env)->ExceptionCheck(env) || !array;
    jsize size = failed ? 0 : (*env)->GetArrayLength(env, array);
    ckpt_auto_free char *bytes = failed ? NULL : malloc((size_t)size + 1);

    if (!bytes)
        return NULL;
    (*env)->GetByteArrayRegion(env, array, 0, size, (jbyte *)bytes);
    return json_stringn(bytes, (size_t)size);
}

static enum outcome read_reasons(JNIEnv *env, jobjectArray array, json_t **ret)
{
    jsize count = array ? (*env)->GetArrayLength(env, array) : -1;

    if (count < 0)
        return DONE;
    if (count == 0)
        return NOTHING;
    *ret = json_array();
    for (jsize i = 0; i < count; i++) {
        jstring string = (*env)->PushLocalFrame(env, 8) == 0
                             ? (*env)->GetObjectArrayElement(env, array, i)
                             : NULL;

        json_array_append_new(*ret, string ? text_of(env, string) : json_null());
        if ((*env)->ExceptionCheck(env))
            (*env)->ExceptionClear(env);
        (*env)->PopLocalFrame(env, NULL);
    }
    return FAILED;
}

/* One request of a caller's; answered by two threads, so that one has the last word. */
struct exchange {
    struct ckpt_request request; /* first: overdue() gets its address */
    pthread_mutex_t lock;
    bool answered;
};

static char *whole_answer(const char *status, json_t *body);

/*
 * ckpt_request.overdue: a hook does not react to its limit.  The endpoint's thread is inside it, so
 * the answer is written here, past libevent, and the connection ends when the hook returns.
 */
static void overdue(const struct ckpt_request *request, const char *text, bool last)
{
    struct exchange *exchange = (struct exchange *)request;
    ckpt_auto_free char *answer = NULL;

    if (!last)
        return;
    answer = whole_answer("500 Internal Server Error",
                          json_pack("{s:s, s:[s]}", "error", "a hook hangs", "reasons", text));
    pthread_mutex_lock(&exchange->lock);
    if (answer && !exchange->answered)
        send(request->reply_fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    exchange->answered = true;
    pthread_mutex_unlock(&exchange->lock);
}

static void begin_exchange(struct exchange *exchange, struct evhttp_request *request)
{
    *exchange = (struct exchange){.request = {.reply_fd = descriptor_of(request),
                                              .asked_in = ckpt_agent.mailbox.generation + 1,
                                              .written_text = "",
                                              .overdue = overdue},
                                  .lock = PTHREAD_MUTEX_INITIALIZER};
}

/* Whether the answer is still ours to give; if not, the connection ends. */
static bool end_exchange(struct exchange *exchange, struct evhttp_request *request)
{
    bool answered;

    pthread_mutex_lock(&exchange->lock);
    answered = exchange->answered;
    exchange->answered = true;
    pthread_mutex_unlock(&exchange->lock);
    if (answered)
        evhttp_connection_free(evhttp_request_get_connection(request));
    return !answered;
}

static enum outcome call_attached(JNIEnv *env, const char *name, bool collect, json_t **ret)
{
    jclass class = (*env)->FindClass(env, "jdk/crac/impl/Checkpoint");
    jmethodID method =
        class ? (*env)->GetStaticMethodID(env, class, name, "()[Ljava/lang/String;") : NULL;
    jobjectArray array = method ? (*env)->CallStaticObjectMethod(env, class, method) : NULL;

    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        return BROKEN;
    }
    if (!array && collect)
        (*ckpt_agent.jvmti)->ForceGarbageCollection(ckpt_agent.jvmti);
    return read_reasons(env, array, ret);
}

/*
 * Calls a static method of Checkpoint that returns null, nothing at all, or reasons; for @request,
 * NULL if nobody asked.  Not as a daemon: see request.c.
 */
static enum outcome call(const char *name, bool collect, const struct ckpt_request *request,
                         json_t **ret_reasons)
{
    JavaVMAttachArgs arguments = {.version = JNI_VERSION_1_6, .name = (char *)"checkpointer http"};
    enum outcome outcome;
    JNIEnv *env = NULL;

    if (!ckpt_agent.ready ||
        (*ckpt_agent.vm)->AttachCurrentThread(ckpt_agent.vm, (void **)&env, &arguments) != JNI_OK)
        return BROKEN;
    ckpt_current_request = request;
    outcome = call_attached(env, name, collect, ret_reasons);
    ckpt_current_request = NULL;
    (*ckpt_agent.vm)->DetachCurrentThread(ckpt_agent.vm);
    return outcome;
}

static void log_reasons(const char *level, const char *what, json_t *reasons)
{
    json_t *reason;
    size_t i;

    json_array_foreach(reasons, i, reason) ckpt_agent_log(
        level, "%s: %s", what, json_is_string(reason) ? json_string_value(reason) : "?");
}

/* ---- the requests ---- */

static void answer_busy(struct ckpt_http_server *server, struct evhttp_request *request)
{
    json_t *reasons = NULL;

    call("busy", false, NULL, &reasons);
    answer_error(server, request, 409, BUSY, reasons);
}

static void before_checkpoint(struct ckpt_http_server *server, struct evhttp_request *request)
{
    struct exchange exchange;
    json_t *reasons = NULL;
    enum outcome outcome;

    begin_exchange(&exchange, request);
    outcome = call("begin", ckpt_agent.options.gc, &exchange.request, &reasons);
    if (!end_exchange(&exchange, request)) {
        log_reasons("warning", "/before-checkpoint", reasons);
        json_decref(reasons);
        return;
    }
    switch (outcome) {
    case DONE:
        server->begun = true;
        server->begun_ms = 0;
        answer(server, request, HTTP_NOCONTENT, NULL);
        break;
    case NOTHING:
        answer_busy(server, request);
        break;
    case FAILED:
        answer_error(server, request, 500, "hooks failed, the application goes on", reasons);
        break;
    default:
        answer_error(server, request, 503, "the JVM is starting or ending", NULL);
    }
}

/* Its answer decides how soon a closing endpoint may end. */
static void last_word_is_out(struct evhttp_request *request, void *context)
{
    (void)request;
    ((struct ckpt_http_server *)context)->last_word_pending = false;
}

/* Whatever the hooks said, the restore has taken place: the endpoint closes if it is to. */
static void close_after(struct ckpt_http_server *server, struct evhttp_request *request)
{
    server->begun = false;
    if (!ckpt_agent.options.shutdown)
        return;
    server->closing = server->last_word_pending = true;
    evhttp_request_set_on_complete_cb(request, last_word_is_out, server);
}

static void after_restore(struct ckpt_http_server *server, struct evhttp_request *request)
{
    json_t *reasons = NULL;

    switch (call("end", false, NULL, &reasons)) {
    case DONE:
        close_after(server, request);
        answer(server, request, HTTP_NOCONTENT, NULL);
        break;
    case NOTHING:
        answer_error(server, request, 409, "there was no /before-checkpoint, or it was undone",
                     NULL);
        break;
    case FAILED:
        close_after(server, request);
        answer_error(server, request, 500, "restored, but hooks failed", reasons);
        break;
    default:
        answer_error(server, request, 503, "the JVM is starting or ending", NULL);
    }
}

static json_t *written(const struct ckpt_http_body *body)
{
    const char *directory = *body->directory ? body->directory : ckpt_agent.options.image;
    json_t *path = json_string(directory);

    /* A path in no UTF-8 can only be that of the option, which the requester did not name. */
    return json_pack("{s:s, s:o}", "state", "written", "directory", path ? path : json_null());
}

/* An answer as it goes over the connection, with its last word; takes @body. Malloc'd, or NULL. */
static char *whole_answer(const char *status, json_t *body)
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

/* What the requester is told when the process has ended: the whole answer, made beforehand. */
static char *last_answer(const struct ckpt_http_body *body)
{
    return whole_answer("200 OK", written(body));
}

static void checkpoint(struct ckpt_http_server *server, struct evhttp_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(input);
    uint32_t generation = ckpt_agent.mailbox.generation;
    ckpt_auto_free char *text = NULL;
    struct ckpt_http_body body;
    struct ckpt_error error;
    struct exchange exchange;
    json_t *reasons = NULL;
    enum outcome outcome;

    if (ckpt_http_body_parse((const char *)evbuffer_pullup(input, -1), size, &body, &error) < 0) {
        answer_error(server, request, HTTP_BADREQUEST, error.text, NULL);
        return;
    }
    if (!*body.directory && !*ckpt_agent.options.image) {
        answer_error(server, request, HTTP_BADREQUEST,
                     "\"directory\" is missing, and the agent option image is not set", NULL);
        return;
    }
    text = last_answer(&body);
    begin_exchange(&exchange, request);
    exchange.request.directory = *body.directory ? body.directory : NULL;
    exchange.request.leave_running = body.leave_running;
    exchange.request.gc = body.gc;
    exchange.request.written_text = text ? text : "";
    outcome = call("attempt", false, &exchange.request, &reasons);
    if (generation != ckpt_agent.mailbox.generation) {
        /* This is the restored process: the connection belonged to the other one. */
        log_reasons("error", "restored, but afterRestore failed", reasons);
        json_decref(reasons);
        return;
    }
    if (!end_exchange(&exchange, request)) {
        log_reasons("warning", "/checkpoint", reasons);
        json_decref(reasons);
        return;
    }
    if (outcome == DONE)
        answer(server, request, HTTP_OK, written(&body));
    else if (outcome == NOTHING)
        answer_busy(server, request);
    else
        answer_error(server, request, 500, "checkpoint called off, the application goes on",
                     reasons);
}

static json_t *restored_when(void)
{
    time_t when = (time_t)(ckpt_agent.mailbox.restored_realtime_ns / 1000000000);
    struct tm parts;
    char text[32];

    if (!ckpt_agent.mailbox.generation || !gmtime_r(&when, &parts))
        return json_null();
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

static void status(struct ckpt_http_server *server, struct evhttp_request *request)
{
    const struct ckpt_options *options = &ckpt_agent.options;
    json_t *image = *options->image ? json_string(options->image) : NULL;

    answer(server, request, HTTP_OK,
           json_pack("{s:s, s:i, s:s, s:i, s:o, s:s, s:{s:o, s:b, s:b, s:i, s:i}}", "version",
                     CKPT_VERSION, "pid", (int)getpid(), "java", ckpt_agent.java, "generation",
                     (int)ckpt_agent.mailbox.generation, "restored", restored_when(), "state",
                     server->begun ? "before-checkpoint" : "running", "options", "image",
                     image ? image : json_null(), "gc", (int)options->gc, "shutdown",
                     (int)options->shutdown, "shutdownTimeout", (int)options->shutdown_timeout_s,
                     "undoTimeout", (int)options->undo_timeout_s));
}

/* ---- which one it is ---- */

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

    if (!path || !*path) /* libevent expects no path after CONNECT */
        path = evhttp_request_get_uri(request);

    for (size_t i = 0; path && i < CKPT_COUNT(routes); i++)
        if (strcmp(path, routes[i].path) == 0)
            return &routes[i];
    return NULL;
}

/* The status of the answer to whatever is not served at all, with the reason; else 0. */
static int refuse(const struct ckpt_http_server *server, struct evhttp_request *request,
                  const char **ret_why)
{
    int status;

    if (ckpt_http_fds_is_stranger(descriptor_of(request))) {
        *ret_why = "only the JVM's owner and root, on the same machine, may use this endpoint";
        return 403;
    }
    status = ckpt_http_guard(&server->addr, request, ret_why);
    if (status == HTTP_BADREQUEST)
        add_header(request, "Connection", "close"); /* what comes next may be part of this one */
    if (request->type == EVHTTP_REQ_CONNECT) {
        add_header(request, "Connection", "close");
        request->type = EVHTTP_REQ_TRACE; /* not allowed either, but libevent closes after it */
    }
    return status;
}

void ckpt_http_handle(struct evhttp_request *request, void *context)
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
        answer_error(server, request, HTTP_NOTFOUND, "there is nothing of that name", NULL);
    } else if (!(evhttp_request_get_command(request) & route->methods)) {
        add_header(request, "Allow", route->allow);
        answer_error(server, request, HTTP_BADMETHOD, "this method is not allowed here", NULL);
    } else if (!ckpt_http_type_is_good(evhttp_find_header(headers, "Content-Type"), empty)) {
        answer_error(server, request, 415, "the body's Content-Type must be application/json",
                     NULL);
    } else {
        route->serve(server, request);
    }
}

void ckpt_http_undo(struct ckpt_http_server *server)
{
    json_t *reasons = NULL;
    enum outcome outcome = call("end", false, NULL, &reasons);

    server->begun = false;
    if (outcome != NOTHING)
        ckpt_agent_log("warning",
                       "nobody asked for /after-restore within %u seconds of /before-checkpoint: "
                       "undone, the afterRestore hooks were called",
                       ckpt_agent.options.undo_timeout_s);
    log_reasons("error", "afterRestore failed", reasons);
    json_decref(reasons);
}
