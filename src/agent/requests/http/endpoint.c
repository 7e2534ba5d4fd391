/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See endpoint.h. While nobody is connected the thread waits in poll() on the listening sockets,
 * and there is nothing of libevent but its code. A connection gets an event loop, which lives until
 * the last one is gone: so a freeze by somebody else finds sockets that listen and nothing more.
 *
 * Time is counted in steps of at most a second, which the thread wakes for only when something is
 * waited for. A step that was longer counts as one: the process was stopped, or frozen by another
 * tool; none of that is the fault of whoever is being waited for.
 *
 * What the JVM is to do for a request is done by another thread (work.c), which wakes this one
 * by an eventfd.
 *
 * In the restored process the thread finds another generation, and numbers of descriptors that
 * ckpt_endpoint_table_reserve() has kept for it.
 */
#include "agent/requests/http/endpoint.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/options.h"
#include "agent/requests/http/endpoint_fds.h"
#include "agent/requests/http/http_request.h"
#include "agent/requests/http/listen.h"
#include "agent/requests/http/work.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define HEADERS_MAX 8192
#define BODY_MAX 65536
#define REQUEST_MS 10000 /* for a request to arrive, and for its answer to be taken */
#define STEP_MS 1000
#define ANSWER_MS 2000 /* for the answer to /after-restore, if shutdown_timeout is less */
#define NEVER_S 86400  /* libevent's own limits, which count the time of hooks */
#define FAILED "the HTTP endpoint failed (%s) and is closed"

static struct ckpt_http_server server;
static int listeners[CKPT_HTTP_LISTENERS_MAX];
static int listener_count;
static int waker = -1;
static bool restored; /* by another program: the endpoint is to close */
static int64_t last_ms;
static jmp_buf trouble;

/* One event loop, for as long as there are connections. */
struct loop {
    struct event_base *base;
    struct evhttp *http;
    struct event *step, *woken;
    uint32_t began; /* ckpt_generation_mark() */
    struct evconnlistener *listeners[CKPT_HTTP_LISTENERS_MAX];
    int listener_count;
    bool short_of_fds; /* until the next step */
};

/* The listening sockets alone: the name of a Unix socket may be another clone's by now. */
static void forget_listeners(void)
{
    ckpt_endpoint_table.path[0] = '\0';
    while (listener_count)
        ckpt_http_fds_close(listeners[--listener_count]);
}

static void close_listeners(void)
{
    ckpt_endpoint_table_unlink();
    forget_listeners();
}

static int listen_at(const struct ckpt_http_addr *addr, struct ckpt_error *error)
{
    listener_count = ckpt_http_listen(addr, listeners, error);
    if (listener_count < 0) {
        listener_count = 0;
        return -1;
    }
    if (addr->kind == CKPT_HTTP_UNIX)
        strcpy(ckpt_endpoint_table.path, addr->path);
    return 0;
}

/* ---- time ---- */

/* The milliseconds since it was last asked, as far as they count. */
static int64_t take_step(void)
{
    int64_t now = ckpt_clock_ms(CLOCK_MONOTONIC), step = now - last_ms;

    last_ms = now;
    return step < 0 ? 0 : step > STEP_MS ? STEP_MS : step;
}

static void pass_time(void)
{
    ckpt_http_fds_age(take_step(), REQUEST_MS);
}

/* What another thread has woken this one for. */
static void look(void)
{
    uint64_t times;

    if (read(waker, &times, sizeof times) != sizeof times)
        return;
    ckpt_http_look(&server);
    server.closing |= __atomic_load_n(&restored, __ATOMIC_ACQUIRE);
}

/* ---- while somebody is connected ---- */

static void on_woken(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    if (!ckpt_is_restored_since(((struct loop *)context)->began))
        look();
}

static void on_step(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    ((struct loop *)context)->short_of_fds = false;
}

static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)listener;
    ((struct loop *)context)->short_of_fds = true; /* nothing tells when there is one again */
}

/* What libevent has to say: errors, on which it would have ended the process. */
static void on_log(int severity, const char *message)
{
    if (severity == EVENT_LOG_ERR)
        ckpt_log("error", FAILED, message);
}

/* Where libevent would end the process. */
static void on_fatal(int error)
{
    (void)error;
    longjmp(trouble, 1);
}

static void close_loop(struct loop *loop)
{
    if (loop->http)
        evhttp_free(loop->http); /* and its listeners, but not their sockets */
    if (loop->step)
        event_free(loop->step);
    if (loop->woken)
        event_free(loop->woken);
    if (loop->base)
        event_base_free(loop->base);
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config) {
        event_config_avoid_method(config, "epoll"); /* poll needs no descriptor */
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    return base;
}

static bool open_loop(struct loop *loop)
{
    static const struct timeval second = {.tv_sec = STEP_MS / 1000};

    loop->base = new_base();
    loop->http = loop->base ? evhttp_new(loop->base) : NULL;
    loop->step = loop->base ? event_new(loop->base, -1, EV_PERSIST, on_step, loop) : NULL;
    loop->woken =
        loop->base ? event_new(loop->base, waker, EV_READ | EV_PERSIST, on_woken, loop) : NULL;
    if (!loop->http || !loop->step || !loop->woken || event_add(loop->step, &second) < 0 ||
        event_add(loop->woken, NULL) < 0)
        return false;
    evhttp_set_max_headers_size(loop->http, HEADERS_MAX);
    evhttp_set_max_body_size(loop->http, BODY_MAX);
    evhttp_set_timeout(loop->http, NEVER_S);
    evhttp_set_allowed_methods(loop->http, 0xffff); /* http_request.c refuses better */
    evhttp_set_gencb(loop->http, ckpt_http_handle, &server);
    for (int i = 0; i < listener_count; i++) {
        struct evconnlistener *made =
            evconnlistener_new(loop->base, NULL, NULL, LEV_OPT_DISABLED, 0, listeners[i]);

        if (!made || !evhttp_bind_listener(loop->http, made)) {
            if (made)
                evconnlistener_free(made);
            return false;
        }
        loop->listeners[loop->listener_count++] = made;
        evconnlistener_set_error_cb(made, on_accept_error);
    }
    return true;
}

static void listen_or_not(struct loop *loop)
{
    bool more = !server.closing && !loop->short_of_fds &&
                ckpt_http_fds_connections() < CKPT_HTTP_CONNECTIONS_MAX;

    for (int i = 0; i < loop->listener_count; i++)
        if (more)
            evconnlistener_enable(loop->listeners[i]);
        else
            evconnlistener_disable(loop->listeners[i]);
}

/* Whether anything is still to be done here. */
static bool goes_on(const struct loop *loop, int64_t closing_ms)
{
    int64_t limit = (int64_t)ckpt_options.shutdown_timeout_s * 1000;

    if (!ckpt_http_fds_connections())
        return loop->short_of_fds && !server.closing;
    if (!server.closing || (server.work && server.work->asked))
        return true;
    return closing_ms < limit || (server.last_word_pending && closing_ms < ANSWER_MS);
}

/* Until nobody is connected, or this is the restored process. */
static void serve(uint32_t began)
{
    struct loop loop = {.began = began};
    bool opened = open_loop(&loop);
    int64_t closed_at = 0;

    if (!opened)
        ckpt_log("error", FAILED, "out of memory");
    server.closing |= !opened;
    while (opened) {
        listen_or_not(&loop);
        if (event_base_loop(loop.base, EVLOOP_ONCE) < 0 || ckpt_is_restored_since(began))
            break;
        pass_time();
        if (server.closing && !closed_at) {
            closed_at = ckpt_clock_ms(CLOCK_MONOTONIC);
            listen_or_not(&loop);
            close_listeners();
        }
        if (!goes_on(&loop, closed_at ? ckpt_clock_ms(CLOCK_MONOTONIC) - closed_at : 0))
            break;
    }
    if (server.work && !ckpt_is_restored_since(began))
        server.work->asked = NULL; /* gone with its connection */
    close_loop(&loop);
}

/* ---- the thread ---- */

/* Until somebody connects; false if something else is to be looked at first. */
static bool wait_for_somebody(void)
{
    struct pollfd wait[CKPT_HTTP_LISTENERS_MAX + 1];
    int ready;

    for (int i = 0; i < listener_count; i++)
        wait[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
    wait[listener_count] = (struct pollfd){.fd = waker, .events = POLLIN};
    ready = poll(wait, (nfds_t)listener_count + 1, -1);
    return ready > (wait[listener_count].revents ? 1 : 0);
}

static bool open_waker(void)
{
    waker = ckpt_http_fds_open_waker();
    if (waker < 0)
        ckpt_log("error", FAILED, "no descriptor is free");
    return waker >= 0;
}

/* In a restored process: the old numbers go, and a new endpoint comes if it is wanted. */
static bool start_again(void)
{
    struct ckpt_error error;
    struct ckpt_http_addr addr = server.addr;

    forget_listeners();
    ckpt_http_fds_close(waker);
    server = (struct ckpt_http_server){.addr = {.kind = CKPT_HTTP_NONE}};
    if (ckpt_options.shutdown)
        return false;
    if (listen_at(&addr, &error) < 0) {
        ckpt_log("warning", "%s", error.text);
        return false;
    }
    server.addr = addr;
    return open_waker();
}

static void *run(void *unused)
{
    volatile uint32_t began = ckpt_generation_mark();

    (void)unused;
    event_set_log_callback(on_log);
    event_set_fatal_callback(on_fatal);
    if (setjmp(trouble)) { /* libevent's state is lost, and what it had open with it */
        ckpt_http_close();
        ckpt_http_fds_close_all();
        return NULL;
    }
    take_step();
    server.closing = !open_waker();
    while (!server.closing || server.work) {
        bool somebody = wait_for_somebody();

        if (ckpt_is_restored_since(began)) {
            began = ckpt_generation_mark();
            if (start_again())
                continue;
            ckpt_http_close();
            return NULL;
        }
        look();
        pass_time();
        if (somebody)
            serve(began);
    }
    if (waker >= 0)
        ckpt_http_fds_close(waker);
    ckpt_http_close();
    return NULL;
}

/* ---- for the agent ---- */

int ckpt_http_open(const char *text, struct ckpt_error *error)
{
    struct ckpt_http_addr addr;

    if (ckpt_http_addr_parse(text, &addr, error) < 0 || listen_at(&addr, error) < 0)
        return -1;
    server = (struct ckpt_http_server){.addr = addr};
    __atomic_store_n(&restored, false, __ATOMIC_RELEASE);
    return 0;
}

void ckpt_http_restored(void)
{
    if (!ckpt_options.shutdown)
        return;
    __atomic_store_n(&restored, true, __ATOMIC_RELEASE);
    ckpt_http_fds_wake();
}

void ckpt_http_close(void)
{
    close_listeners();
    server.addr.kind = CKPT_HTTP_NONE;
}

int ckpt_http_start(struct ckpt_error *error)
{
    int failed;

    if (!listener_count)
        return 0;
    failed = ckpt_thread_start("ckpt http", run, NULL);
    if (failed) {
        ckpt_http_close();
        return ckpt_error_set(error, failed, "cannot start the endpoint's thread");
    }
    return 0;
}

int ckpt_http_change(const char *text, struct ckpt_error *error)
{
    struct ckpt_http_addr addr;

    if (ckpt_http_addr_parse(text, &addr, error) < 0)
        return -1;
    if (server.addr.kind != CKPT_HTTP_NONE) {
        /* none: no other one is wanted; so it is loaded by cli/cmd_checkpoint.c */
        if (addr.kind == CKPT_HTTP_NONE || memcmp(&addr, &server.addr, sizeof addr) == 0)
            return 0;
        return ckpt_error_set(error, 0,
                              "agent option 'addr=%s': the JVM has an HTTP endpoint elsewhere "
                              "already",
                              text);
    }
    return ckpt_http_open(text, error) < 0 ? -1 : ckpt_http_start(error);
}
