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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/requests/control_socket.h"
#include "agent/requests/halves.h"
#include "agent/requests/http/endpoint.h"
#include "agent/requests/request.h"
#include "agent/requests/unix_peer.h"
#include "base/cleanup.h"
#include "base/syscall.h"
#include "engine/engine.h"
#include "engine/labels.h"
#include "engine/policy_file.h"
#include "runtime/generation.h"
#include "runtime/log.h"

/* two paths, and each label with "label=" and a newline */
#define REQUEST_MAX (2 * PATH_MAX + 256 + CKPT_LABELS_MAX + 8 * CKPT_LABELS_COUNT)
#define REQUEST_MS 5000
#define BETWEEN_HALVES_MS 1000 /* an idle client prevents the freeze by another program */
#define ANSWER_S 5             /* a requester that does not read must not block the thread */
#define END_SLICES 20          /* of END_SLICE_NS: how long the JVM's end waits for answers */
#define END_SLICE_NS 50000000

static uint32_t unanswered; /* requests in progress (a futex) */

/* A request and whether it was answered. Two threads may answer; only the first one does. */
struct exchange {
    struct ckpt_request request;
    bool is_endpoint;    /* the step "endpoint", which is none of a checkpoint */
    const char *address; /* for that step; NULL: report it */
    pthread_mutex_t lock;
    bool answered;
    struct ckpt_labels labels;
    size_t policies_size; /* of the text that follows the request; 0: none */
    const char *policies; /* the name of its file */
};

static void reply(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void reply(int fd, const char *format, ...)
{
    char text[PATH_MAX + 64];
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

/* Read at most @size bytes. Returns how many, or 0: the requester sends no more. */
static size_t receive(int fd, char *text, size_t size)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t got;

    if (poll(&wait, 1, ckpt_halves_are_open() ? BETWEEN_HALVES_MS : REQUEST_MS) <= 0)
        return 0;
    got = recv(fd, text, size, 0);
    return got > 0 ? (size_t)got : 0;
}

/* Read until the empty line, byte by byte: what follows it is read later. */
static bool read_request(int fd, char *text, size_t size)
{
    size_t length = 0;

    while (length + 1 < size && receive(fd, text + length, 1)) {
        text[++length] = '\0';
        if (length >= 2 && memcmp(text + length - 2, "\n\n", 2) == 0)
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
        {"check", CKPT_STEP_CHECK},
    };

    for (size_t i = 0; i < CKPT_COUNT(steps); i++)
        if (strcmp(word, steps[i].word) == 0) {
            *ret_step = steps[i].step;
            return true;
        }
    return false;
}

/* ckpt_request.named: the command does not know what its pattern stands for. */
static void report_directory(struct ckpt_request *request, const char *directory)
{
    reply(request->reply_fd, "directory %s\n", directory);
}

static int not_understood(struct ckpt_error *error)
{
    return ckpt_error_set(error, 0,
                          "the request was not understood; use a 'checkpointer' of the agent's "
                          "version");
}

/* "KEY=VALUE" of an allowance. */
static int parse_allowance(char *line, struct ckpt_request *request, struct ckpt_error *error)
{
    char *value = strchr(line, '=');

    if (!value)
        return not_understood(error);
    *value++ = '\0';
    return ckpt_allowance_set(&request->allowance, line, value, error) > 0 ? 0
                                                                           : not_understood(error);
}

/* "SIZE NAME" of a policy file whose text follows the request. */
static int parse_policies(char *value, struct exchange *exchange, struct ckpt_error *error)
{
    unsigned long size = strtoul(value, &value, 10);

    if (*value != ' ' || !value[1] || size >= CKPT_POLICY_TEXT)
        return not_understood(error);
    exchange->policies = value + 1;
    exchange->policies_size = size;
    return 0;
}

/* Read the text of a policy file, if there is one. */
static int read_policies(int fd, struct exchange *exchange, struct ckpt_error *error)
{
    ckpt_auto_free char *text = NULL;
    size_t length = 0, got;

    if (!exchange->policies)
        return 0;
    text = malloc(CKPT_POLICY_TEXT);
    exchange->request.policies = malloc(sizeof *exchange->request.policies);
    if (!text || !exchange->request.policies)
        return ckpt_error_set(error, ENOMEM, "cannot read the policy file");
    while (length < exchange->policies_size &&
           (got = receive(fd, text + length, exchange->policies_size - length)))
        length += got;
    return length < exchange->policies_size
               ? not_understood(error)
               : ckpt_policies_parse(exchange->request.policies, exchange->policies, text, length,
                                     error);
}

/* A key of a request for a whole checkpoint. */
static int parse_checkpoint_key(char *line, struct exchange *exchange, struct ckpt_error *error)
{
    struct ckpt_request *request = &exchange->request;

    if (strncmp(line, "label=", 6) == 0) {
        request->labels = &exchange->labels;
        return ckpt_labels_add(&exchange->labels, line + 6, error);
    }
    if (strncmp(line, "directory=/", 11) == 0) {
        request->directory = line + 10;
        request->is_literal = true;
    } else if (strncmp(line, "pattern=/", 9) == 0) {
        request->directory = line + 8;
        request->named = report_directory;
    } else if (strcmp(line, "leave-running=1") == 0) {
        request->leave_running = true;
    } else if (strncmp(line, "engine=", 7) == 0 && ckpt_engine_jvm_find(line + 7)) {
        request->engine = line + 7;
    } else if (strcmp(line, "driver=1") == 0) {
        request->drives = true;
    } else if (strcmp(line, "keep=tcp") == 0) {
        request->kept_connections |= CKPT_CONNECTIONS_TCP;
    } else if (strcmp(line, "keep=unix") == 0) {
        request->kept_connections |= CKPT_CONNECTIONS_UNIX;
    } else if (strncmp(line, "rehearsal=", 10) == 0) {
        request->rehearsal = line[10] == '1' ? 1 : -1;
    } else if (strncmp(line, "policies=", 9) == 0) {
        return parse_policies(line + 9, exchange, error);
    } else {
        return parse_allowance(line, request, error);
    }
    return 0;
}

static int parse_key(char *line, struct exchange *exchange, struct ckpt_error *error)
{
    struct ckpt_request *request = &exchange->request;

    if (request->step != CKPT_STEP_RESUME && strncmp(line, "gc=", 3) == 0)
        request->gc = line[3] == '1' ? 1 : -1;
    else if (request->step == CKPT_STEP_CHECKPOINT || request->step == CKPT_STEP_CHECK)
        return parse_checkpoint_key(line, exchange, error);
    else if (request->step == CKPT_STEP_RESUME && strcmp(line, "restored=1") == 0)
        request->restored = true;
    else
        return not_understood(error);
    return 0;
}

static int parse_request(char *text, struct exchange *exchange, struct ckpt_error *error)
{
    char *rest, *line = strtok_r(text, "\n", &rest);

    if (line && strcmp(line, "endpoint") == 0) {
        line = strtok_r(NULL, "\n", &rest);
        exchange->is_endpoint = true;
        exchange->address = line && strncmp(line, "addr=", 5) == 0 ? line + 5 : NULL;
        return !line || (exchange->address && !strtok_r(NULL, "\n", &rest)) ? 0
                                                                            : not_understood(error);
    }
    if (!line || !parse_step(line, &exchange->request.step))
        return not_understood(error);
    while ((line = strtok_r(NULL, "\n", &rest)))
        if (parse_key(line, exchange, error) < 0)
            return -1;
    return exchange->request.step != CKPT_STEP_CHECKPOINT || exchange->request.directory
               ? 0
               : not_understood(error);
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

/* What a check has found. */
static void reply_findings(const struct ckpt_request *request)
{
    for (size_t i = 0; i < request->reason_count; i++)
        reply(request->reply_fd, "found %s\n", request->reasons[i]);
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
        if (exchange->request.step == CKPT_STEP_CHECK)
            reply_findings(&exchange->request);
        reply(fd, "done\n");
    }
    pthread_mutex_unlock(&exchange->lock);
}

/* Carry it out and answer it. */
static void perform(struct exchange *exchange)
{
    struct ckpt_request *request = &exchange->request;
    uint32_t generation = ckpt_generation();
    enum ckpt_outcome outcome = ckpt_request_run(request, "checkpointer request");
    ckpt_auto_free char *failed = ckpt_request_text(request, outcome);

    if (request->step == CKPT_STEP_RESUME && outcome != CKPT_OUTCOME_NOT_BEGUN &&
        (request->restored || ckpt_generation() != generation))
        ckpt_endpoint_restored();
    if (!ckpt_is_restored_since(request->generation_mark))
        answer(exchange, failed);
    else if (failed) /* this process was restored meanwhile */
        ckpt_log_lines("error", failed);
    ckpt_request_clear(request);
}

static void serve_endpoint(const struct exchange *exchange)
{
    char address[CKPT_ENDPOINT_TEXT_MAX];
    struct ckpt_error error;
    int fd = exchange->request.reply_fd;

    if (exchange->address && ckpt_endpoint_move(exchange->address, &error) < 0) {
        reply_lines(fd, error.text);
        reply(fd, "failed\n");
        return;
    }
    ckpt_endpoint_describe(address);
    reply(fd, "address %s\n", address);
    reply(fd, "done\n");
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
    struct ckpt_error error;
    char text[REQUEST_MAX];

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout);
    if (!ckpt_unix_peer_is_allowed(fd)) {
        reply(fd, "text only the JVM's owner and root may request a checkpoint\nfailed\n");
        return;
    }
    if ((read_request(fd, text, sizeof text) ? parse_request(text, &exchange, &error)
                                             : not_understood(&error)) < 0 ||
        read_policies(fd, &exchange, &error) < 0) {
        ckpt_request_clear(&exchange.request);
        reply(fd, "text %s\nfailed\n", error.text);
        return;
    }
    ckpt_control_socket_has_request(fd);
    __atomic_add_fetch(&unanswered, 1, __ATOMIC_ACQ_REL);
    if (exchange.is_endpoint)
        serve_endpoint(&exchange);
    else
        perform(&exchange);
    __atomic_sub_fetch(&unanswered, 1, __ATOMIC_ACQ_REL);
    ckpt_sys_futex(&unanswered, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
}
