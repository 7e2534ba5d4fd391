/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See control_request.h. Each request has a thread, which runs the hooks and freezes the process.
 * If a hook hangs, the watchdog's thread answers instead (overdue()), and the outcome is logged.
 *
 * In a restored process the connection's descriptor is an unconnected socket, and writes to it have
 * no effect.
 */
#include "agent/requests/control_request.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/requests/http/endpoint.h"
#include "agent/requests/request.h"
#include "agent/requests/unix_peer.h"
#include "base/cleanup.h"
#include "base/syscall.h"
#include "runtime/generation.h"
#include "runtime/log.h"

#define REQUEST_MAX (PATH_MAX + 256)
#define REQUEST_MS 5000
#define ANSWER_S 5    /* a requester that does not read must not block the thread */
#define END_SLICES 20 /* of END_SLICE_NS: how long the JVM's end waits for answers */
#define END_SLICE_NS 50000000

static uint32_t unanswered; /* requests in progress (a futex) */

/* A request and whether it was answered. Two threads may answer; only the first one does. */
struct exchange {
    struct ckpt_request request;
    bool restored; /* for CKPT_STEP_RESUME: after a restore, not after a failed freeze */
    pthread_mutex_t lock;
    bool answered;
};

static void reply(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void reply(int fd, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof text) {
        length = sizeof text - 1;
        text[length - 1] = '\n';
    }
    for (int at = 0; at < length;) {
        ssize_t sent = send(fd, text + at, (size_t)(length - at), MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        at += (int)sent;
    }
}

/* Each line of @text as a line of the answer. */
static void reply_lines(int fd, char *text)
{
    for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text))
        reply(fd, "text %s\n", line);
}

/* Read until the empty line. */
static bool read_request(int fd, char *text, size_t size)
{
    size_t length = 0;

    while (length + 1 < size) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&wait, 1, REQUEST_MS) <= 0)
            return false;
        got = recv(fd, text + length, size - 1 - length, 0);
        if (got <= 0)
            return false;
        length += (size_t)got;
        text[length] = '\0';
        if (strstr(text, "\n\n"))
            return true;
    }
    return false;
}

static bool parse_step(const char *word, enum ckpt_step *ret_step)
{
    static const struct {
        const char *word;
        enum ckpt_step step;
    } steps[] = {
        {"checkpoint", CKPT_STEP_CHECKPOINT},
        {"prepare", CKPT_STEP_PREPARE},
        {"resume", CKPT_STEP_RESUME},
    };

    for (size_t i = 0; i < CKPT_COUNT(steps); i++)
        if (strcmp(word, steps[i].word) == 0) {
            *ret_step = steps[i].step;
            return true;
        }
    return false;
}

static bool parse_key(char *line, struct exchange *exchange)
{
    struct ckpt_request *request = &exchange->request;
    bool whole = request->step == CKPT_STEP_CHECKPOINT;

    if (whole && strncmp(line, "directory=/", 11) == 0)
        request->directory = line + 10;
    else if (whole && strcmp(line, "leave-running=1") == 0)
        request->leave_running = true;
    else if (whole && strncmp(line, "rehearsal=", 10) == 0)
        request->rehearsal = line[10] == '1' ? 1 : -1;
    else if (request->step != CKPT_STEP_RESUME && strncmp(line, "gc=", 3) == 0)
        request->gc = line[3] == '1' ? 1 : -1;
    else if (request->step == CKPT_STEP_RESUME && strcmp(line, "restored=1") == 0)
        exchange->restored = true;
    else
        return false;
    return true;
}

static bool parse_request(char *text, struct exchange *exchange)
{
    char *rest, *line = strtok_r(text, "\n", &rest);

    if (!line || !parse_step(line, &exchange->request.step))
        return false;
    while ((line = strtok_r(NULL, "\n", &rest)))
        if (!parse_key(line, exchange))
            return false;
    return exchange->request.step != CKPT_STEP_CHECKPOINT || exchange->request.directory;
}

/* ckpt_request.overdue: a hook has exceeded its time limit. */
static void overdue(struct ckpt_request *request, const char *text, bool final)
{
    struct exchange *exchange = (struct exchange *)request; /* its first member */
    ckpt_auto_free char *lines = strdup(text);

    pthread_mutex_lock(&exchange->lock);
    if (lines && !exchange->answered) {
        reply_lines(request->reply_fd, lines);
        if (final)
            reply(request->reply_fd, "failed\n");
        exchange->answered = final;
    }
    pthread_mutex_unlock(&exchange->lock);
}

/* Answer, unless that was done already. @failed: the reasons, or NULL for success. */
static void answer(struct exchange *exchange, char *failed)
{
    int fd = exchange->request.reply_fd;

    pthread_mutex_lock(&exchange->lock);
    if (exchange->answered) {
        ckpt_log_lines("warning", failed ? failed : "the overdue checkpoint has completed");
    } else if (failed) {
        reply_lines(fd, failed);
        reply(fd, "failed\n");
    } else {
        reply(fd, "done\n");
    }
    pthread_mutex_unlock(&exchange->lock);
}

/* Carry it out and answer it. */
static void perform(struct exchange *exchange)
{
    struct ckpt_request *request = &exchange->request;
    enum ckpt_outcome outcome = ckpt_request_run(request, "checkpointer request");
    ckpt_auto_free char *failed = ckpt_request_text(request, outcome);

    if (exchange->restored && outcome != CKPT_OUTCOME_NOT_BEGUN)
        ckpt_endpoint_restored();
    if (!ckpt_is_restored_since(request->generation_mark))
        answer(exchange, failed);
    else if (failed) /* this process was restored meanwhile */
        ckpt_log_lines("error", failed);
    ckpt_request_clear(request);
}

void ckpt_control_request_wait_answered(void)
{
    const struct timespec slice = {.tv_nsec = END_SLICE_NS};

    if (ckpt_request_is_current_thread())
        return; /* a hook of this request ends the JVM */
    for (int i = 0; i < END_SLICES; i++) {
        uint32_t count = __atomic_load_n(&unanswered, __ATOMIC_ACQUIRE);

        if (!count)
            return;
        ckpt_sys_futex(&unanswered, FUTEX_WAIT_PRIVATE, count, &slice);
    }
}

void ckpt_control_request_serve(int fd)
{
    struct exchange exchange = {.request = {.wait_ms = CKPT_REQUEST_WAIT_MS,
                                            .reply_fd = fd,
                                            .generation_mark = ckpt_generation_mark(),
                                            .overdue = overdue},
                                .lock = PTHREAD_MUTEX_INITIALIZER};
    struct timeval send_timeout = {.tv_sec = ANSWER_S};
    char text[REQUEST_MAX];

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout);
    if (!ckpt_unix_peer_is_allowed(fd)) {
        reply(fd, "text only the JVM's owner and root may request a checkpoint\nfailed\n");
        return;
    }
    if (!read_request(fd, text, sizeof text) || !parse_request(text, &exchange)) {
        reply(fd,
              "text the request was not understood; use a 'checkpointer' of the agent's version\n"
              "failed\n");
        return;
    }
    __atomic_add_fetch(&unanswered, 1, __ATOMIC_ACQ_REL);
    perform(&exchange);
    __atomic_sub_fetch(&unanswered, 1, __ATOMIC_ACQ_REL);
    ckpt_sys_futex(&unanswered, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
}
