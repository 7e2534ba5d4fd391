/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See endpoint.h. Without connections, the thread waits in poll() on the listening sockets, and
 * libevent has no state. The first connection creates an event loop, which exists until the last
 * one is closed. So a freeze by another tool usually finds listening sockets only.
 *
 * Time is measured in steps of a second, and only while there are connections. A longer step counts
 * as one second: the process was stopped, or frozen by another tool, and the clients are not to
 * blame.
 *
 * Another thread calls the JVM for a request (work.c), and wakes this one by an eventfd.
 *
 * In the restored process the thread finds another generation, and its descriptors' numbers
 * reserved by ckpt_endpoint_table_reserve().
 */
#include "agent/requests/http/endpoint.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/options.h"
#include "agent/requests/halves.h"
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
#define REQUEST_MS 10000 /* for a request to arrive, and for its answer to be read */
#define STEP_MS 1000
#define BETWEEN_HALVES_MS 1000 /* likewise: a client prevents the freeze by another program */
#define SHORT_STEP_MS 100
#define ANSWER_MS 2000 /* for the answer to /after-restore, if shutdown_timeout is less */
#define NEVER_S 86400  /* disables libevent's limits, which include the time of hooks */
#define MOVE_S 5 /* for connections to end when the endpoint moves, besides shutdown_timeout */
#define FAILED "the HTTP endpoint failed (%s) and is closed"

static struct ckpt_http_server server;
static int listeners[CKPT_LISTEN_MAX];
static int listener_count;
static int waker = -1;
static bool must_close; /* the process was restored by another program, or the endpoint moves */

/* Whether the thread exists, and changes of the address, one at a time. */
static pthread_mutex_t life_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t move_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t thread_ended = PTHREAD_COND_INITIALIZER;
static bool has_thread;
static int64_t last_ms;
static jmp_buf fatal_error;

/* One event loop, while there are connections. */
struct loop {
    struct event_base *base;
    struct evhttp *http;
    struct event *step, *woken;
    uint32_t mark; /* ckpt_generation_mark() */
    struct evconnlistener *listeners[CKPT_LISTEN_MAX];
    int listener_count;
    bool short_of_fds; /* until the next step */
};

/* Keeps the name of a Unix socket, which another clone of the image may have bound meanwhile. */
static void close_listening_fds(void)
{
    ckpt_endpoint_table.path[0] = '\0';
    while (listener_count)
        ckpt_endpoint_fds_close(listeners[--listener_count]);
}

static void close_listeners(void)
{
    ckpt_endpoint_table_unlink();
    close_listening_fds();
}

static int listen_at(const struct ckpt_endpoint_address *addr, struct ckpt_error *error)
{
    listener_count = ckpt_listen_open(addr, listeners, error);
    if (listener_count < 0) {
        listener_count = 0;
        return -1;
    }
    if (addr->kind == CKPT_ENDPOINT_UNIX)
        strcpy(ckpt_endpoint_table.path, addr->path);
    return 0;
}

/* ---- time ---- */

/* The milliseconds since the last call, at most STEP_MS. */
static int64_t elapsed_ms(void)
{
    int64_t now = ckpt_clock_ms(CLOCK_MONOTONIC), step = now - last_ms;

    last_ms = now;
    return step < 0 ? 0 : step > STEP_MS ? STEP_MS : step;
}

static void pass_time(void)
{
    ckpt_endpoint_fds_age(elapsed_ms(), ckpt_halves_are_open() ? BETWEEN_HALVES_MS : REQUEST_MS);
}

/* Called when another thread has woken this one. */
static void handle_wakeup(void)
{
    uint64_t times;

    if (read(waker, &times, sizeof times) != sizeof times)
        return;
    ckpt_http_request_on_wakeup(&server);
    server.closing |= __atomic_load_n(&must_close, __ATOMIC_ACQUIRE);
}

/* ---- the event loop ---- */

static void on_woken(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    if (!ckpt_is_restored_since(((struct loop *)context)->mark))
        handle_wakeup();
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
    ((struct loop *)context)->short_of_fds = true; /* there is no event for a free descriptor */
}

/* Log libevent's errors. After an internal error it calls on_fatal(). */
static void on_log(int severity, const char *message)
{
    if (severity == EVENT_LOG_ERR)
        ckpt_log("error", FAILED, message);
}

/* Called in place of exit(): libevent must not end the process. */
static void on_fatal(int error)
{
    (void)error;
    longjmp(fatal_error, 1);
}

static void close_loop(struct loop *loop)
{
    if (loop->http)
        evhttp_free(loop->http); /* frees its listeners, but does not close their sockets */
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
        event_config_avoid_method(config, "epoll"); /* poll() needs no descriptor */
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    return base;
}

static bool open_loop(struct loop *loop)
{
    const struct timeval step = ckpt_halves_are_open()
                                    ? (struct timeval){.tv_usec = SHORT_STEP_MS * 1000}
                                    : (struct timeval){.tv_sec = STEP_MS / 1000};

    loop->base = new_base();
    loop->http = loop->base ? evhttp_new(loop->base) : NULL;
    loop->step = loop->base ? event_new(loop->base, -1, EV_PERSIST, on_step, loop) : NULL;
    loop->woken =
        loop->base ? event_new(loop->base, waker, EV_READ | EV_PERSIST, on_woken, loop) : NULL;
    if (!loop->http || !loop->step || !loop->woken || event_add(loop->step, &step) < 0 ||
        event_add(loop->woken, NULL) < 0)
        return false;
    evhttp_set_max_headers_size(loop->http, HEADERS_MAX);
    evhttp_set_max_body_size(loop->http, BODY_MAX);
    evhttp_set_timeout(loop->http, NEVER_S);
    evhttp_set_allowed_methods(loop->http, 0xffff); /* http_request.c checks methods */
    evhttp_set_gencb(loop->http, ckpt_http_request_handle, &server);
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

static void update_listeners(struct loop *loop)
{
    bool more = !server.closing && !loop->short_of_fds &&
                ckpt_endpoint_fds_connections() < CKPT_ENDPOINT_CONNECTIONS_MAX;

    for (int i = 0; i < loop->listener_count; i++)
        if (more)
            evconnlistener_enable(loop->listeners[i]);
        else
            evconnlistener_disable(loop->listeners[i]);
}

/* Whether the event loop is still needed. */
static bool is_needed(const struct loop *loop, int64_t closing_ms)
{
    int64_t limit = (int64_t)ckpt_options.shutdown_timeout_s * 1000;

    if (!ckpt_endpoint_fds_connections())
        return loop->short_of_fds && !server.closing;
    if (!server.closing || (server.work && server.work->client))
        return true;
    return closing_ms < limit || (server.answer_pending && closing_ms < ANSWER_MS);
}

/* Serve until all connections are closed, or the process was restored. */
static void serve(uint32_t mark)
{
    struct loop loop = {.mark = mark};
    bool opened = open_loop(&loop);
    int64_t closed_at = 0;

    if (!opened)
        ckpt_log("error", FAILED, "out of memory");
    server.closing |= !opened;
    while (opened) {
        update_listeners(&loop);
        if (event_base_loop(loop.base, EVLOOP_ONCE) < 0 || ckpt_is_restored_since(mark))
            break;
        pass_time();
        if (server.closing && !closed_at) {
            closed_at = ckpt_clock_ms(CLOCK_MONOTONIC);
            update_listeners(&loop);
            close_listeners();
        }
        if (!is_needed(&loop, closed_at ? ckpt_clock_ms(CLOCK_MONOTONIC) - closed_at : 0))
            break;
    }
    if (!ckpt_is_restored_since(mark))
        ckpt_http_request_drop_clients(&server); /* freed with their connections */
    close_loop(&loop);
}

/* ---- the thread ---- */

/* Wait for a connection. Returns false if the waker's event is to be handled first. */
static bool wait_for_connection(void)
{
    struct pollfd wait[CKPT_LISTEN_MAX + 1];
    int ready;

    for (int i = 0; i < listener_count; i++)
        wait[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
    wait[listener_count] = (struct pollfd){.fd = waker, .events = POLLIN};
    ready = poll(wait, (nfds_t)listener_count + 1, -1);
    return ready > (wait[listener_count].revents ? 1 : 0);
}

static bool open_waker(void)
{
    waker = ckpt_endpoint_fds_open_waker();
    if (waker < 0)
        ckpt_log("error", FAILED, "no descriptor is free");
    return waker >= 0;
}

/* In a restored process: close the reserved descriptors, and listen again if shutdown=false. */
static bool listen_again(void)
{
    struct ckpt_error error;
    struct ckpt_endpoint_address addr = server.addr;

    close_listening_fds();
    ckpt_endpoint_fds_close(waker);
    server = (struct ckpt_http_server){.addr = {.kind = CKPT_ENDPOINT_NONE}};
    if (ckpt_options.shutdown)
        return false;
    if (listen_at(&addr, &error) < 0) {
        ckpt_log("warning", "%s", error.text);
        return false;
    }
    server.addr = addr;
    return open_waker();
}

static void run_until_closed(void)
{
    volatile uint32_t mark = ckpt_generation_mark();

    event_set_log_callback(on_log);
    event_set_fatal_callback(on_fatal);
    if (setjmp(fatal_error)) { /* libevent's state is lost: close its descriptors */
        ckpt_endpoint_close();
        ckpt_endpoint_fds_close_all();
        return;
    }
    elapsed_ms();
    server.closing = !open_waker();
    while (!server.closing || server.work) {
        bool connected = wait_for_connection();

        if (ckpt_is_restored_since(mark)) {
            mark = ckpt_generation_mark();
            if (listen_again())
                continue;
            ckpt_endpoint_close();
            return;
        }
        handle_wakeup();
        pass_time();
        if (connected)
            serve(mark);
    }
    if (waker >= 0)
        ckpt_endpoint_fds_close(waker);
    ckpt_endpoint_close();
}

static void set_has_thread(bool exists)
{
    pthread_mutex_lock(&life_lock);
    has_thread = exists;
    pthread_cond_broadcast(&thread_ended);
    pthread_mutex_unlock(&life_lock);
}

static void *run(void *unused)
{
    (void)unused;
    run_until_closed();
    set_has_thread(false);
    return NULL;
}

/* ---- for the agent ---- */

int ckpt_endpoint_open(const char *text, struct ckpt_error *error)
{
    struct ckpt_endpoint_address addr;

    if (ckpt_endpoint_address_parse(text, &addr, error) < 0 || listen_at(&addr, error) < 0)
        return -1;
    server = (struct ckpt_http_server){.addr = addr};
    __atomic_store_n(&must_close, false, __ATOMIC_RELEASE);
    return 0;
}

void ckpt_endpoint_restored(void)
{
    if (!ckpt_options.shutdown)
        return;
    __atomic_store_n(&must_close, true, __ATOMIC_RELEASE);
    ckpt_endpoint_fds_wake();
}

void ckpt_endpoint_close(void)
{
    close_listeners();
    server.addr.kind = CKPT_ENDPOINT_NONE;
}

int ckpt_endpoint_start(struct ckpt_error *error)
{
    int failed;

    if (!listener_count)
        return 0;
    set_has_thread(true);
    failed = ckpt_thread_start("ckpt http", run, NULL);
    if (failed) {
        set_has_thread(false);
        ckpt_endpoint_close();
        return ckpt_error_set(error, failed, "cannot start the endpoint's thread");
    }
    return 0;
}

static int open_and_start(const char *text, struct ckpt_error *error)
{
    return ckpt_endpoint_open(text, error) < 0 ? -1 : ckpt_endpoint_start(error);
}

int ckpt_endpoint_change(const char *text, struct ckpt_error *error)
{
    struct ckpt_endpoint_address addr;

    if (ckpt_endpoint_address_parse(text, &addr, error) < 0)
        return -1;
    if (server.addr.kind != CKPT_ENDPOINT_NONE) {
        /* addr=none keeps the endpoint: cli/cmd_checkpoint.c always loads the agent with it */
        if (addr.kind == CKPT_ENDPOINT_NONE || memcmp(&addr, &server.addr, sizeof addr) == 0)
            return 0;
        return ckpt_error_set(error, 0,
                              "agent option 'addr=%s': the JVM already has an HTTP endpoint at "
                              "another address",
                              text);
    }
    return open_and_start(text, error);
}

static void describe(const struct ckpt_endpoint_address *addr, char text[CKPT_ENDPOINT_TEXT_MAX])
{
    bool brackets = strchr(addr->host, ':') != NULL;

    if (addr->kind == CKPT_ENDPOINT_NONE)
        snprintf(text, CKPT_ENDPOINT_TEXT_MAX, "none");
    else if (addr->kind == CKPT_ENDPOINT_UNIX)
        snprintf(text, CKPT_ENDPOINT_TEXT_MAX, "unix:%s", addr->path);
    else
        snprintf(text, CKPT_ENDPOINT_TEXT_MAX, "%s%s%s:%u", brackets ? "[" : "", addr->host,
                 brackets ? "]" : "", addr->port);
}

void ckpt_endpoint_describe(char text[CKPT_ENDPOINT_TEXT_MAX])
{
    describe(&server.addr, text);
}

/* Close the endpoint and wait until its thread has ended. */
static int close_and_wait(struct ckpt_error *error)
{
    struct timespec limit;
    int failed = 0;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += ckpt_options.shutdown_timeout_s + MOVE_S;
    ckpt_endpoint_fds_close_idle();
    __atomic_store_n(&must_close, true, __ATOMIC_RELEASE);
    ckpt_endpoint_fds_wake();
    pthread_mutex_lock(&life_lock);
    while (has_thread && !failed)
        failed = pthread_cond_timedwait(&thread_ended, &life_lock, &limit);
    failed = has_thread;
    pthread_mutex_unlock(&life_lock);
    if (failed)
        return ckpt_error_set(
            error, 0,
            "the HTTP endpoint is still carrying out a request, and closes after it; "
            "request the new address again");
    return 0;
}

/* Called with move_lock held. */
static int move(const char *text, struct ckpt_error *error)
{
    struct ckpt_endpoint_address addr;
    char old[CKPT_ENDPOINT_TEXT_MAX];
    struct ckpt_error lost;

    if (ckpt_endpoint_address_parse(text, &addr, error) < 0)
        return -1;
    if (memcmp(&addr, &server.addr, sizeof addr) == 0)
        return 0;
    if (server.work)
        return ckpt_error_set(error, 0,
                              "the HTTP endpoint is carrying out a request; wait for its end");
    describe(&server.addr, old);
    if (close_and_wait(error) < 0)
        return -1;
    if (open_and_start(text, error) == 0)
        return 0;
    if (open_and_start(old, &lost) < 0)
        ckpt_log("error", "%s; there is no HTTP endpoint", lost.text);
    return -1;
}

int ckpt_endpoint_move(const char *text, struct ckpt_error *error)
{
    int result;

    pthread_mutex_lock(&move_lock);
    result = move(text, error);
    pthread_mutex_unlock(&move_lock);
    return result;
}
