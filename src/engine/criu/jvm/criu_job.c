/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The CRIU engine's functions for the agent (engine.h).  Runs on the requester's thread.
 *
 * The command drives the freeze, because criu must not be below the JVM, whose processes it dumps.
 * If the request does not come from a command, the one that the agent's library carries is started:
 * once before the hooks, to find out whether criu works, and once for the freeze.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/control_name.h"
#include "engine/criu/connection_options.h"
#include "engine/criu/parked/criu_freeze.h"
#include "engine/criu/parked/start_driver.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "engine/prepare/command_file.h"
#include "engine/prepare/park_options.h"
#include "runtime/generation.h"
#include "runtime/log.h"

#define READY_MS 120000 /* criu is started and checks the kernel */
#define WORDS_MAX 64
#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct ckpt_engine_job {
    struct ckpt_criu_freeze freeze;
    int own_fds[CKPT_HOST_FDS_MAX + 1];
};

/* ---- the driver ---- */

/*
 * Read what the driver says, up to its last line or the end of the connection.
 * @limit_ms  -1: without limit
 */
static void read_answer(int connection, int64_t limit_ms, char *text, size_t size)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + limit_ms;
    size_t length = 0;

    text[0] = '\0';
    while (length + 1 < size && !strstr(text, "ready\n") && !strstr(text, "failed\n")) {
        int64_t left = limit_ms < 0 ? -1 : deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct pollfd wait = {.fd = connection, .events = POLLIN};
        ssize_t got;

        if ((limit_ms >= 0 && left <= 0) || (poll(&wait, 1, (int)left) < 0 && errno != EINTR))
            return;
        got = recv(connection, text + length, size - 1 - length, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return;
        length += got > 0 ? (size_t)got : 0;
        text[length] = '\0';
    }
}

/* Log the lines "warning TEXT" at the begin of the driver's answer. Returns what follows. */
static char *log_warnings(char *text)
{
    char *end;

    while (strncmp(text, "warning ", 8) == 0 && (end = strchr(text, '\n'))) {
        *end = '\0';
        ckpt_log("warning", "%s", text + 8);
        text = end + 1;
    }
    return text;
}

/*
 * Wait until the driver is ready. If it is to freeze the JVM, it calls the hooks of other JVMs
 * before, and has a limit for each.
 */
static int wait_ready(int connection, bool probe, struct ckpt_error *error)
{
    char text[4096], *answer;

    read_answer(connection, probe ? READY_MS : -1, text, sizeof text);
    answer = log_warnings(text);
    if (strcmp(answer, "ready\n") == 0)
        return 0;
    if (strncmp(answer, "text ", 5) != 0)
        return ckpt_error_set(error, 0,
                              "the command that drives criu has ended without an answer; try "
                              "'checkpointer checkpoint --engine=criu'");
    answer += 5;
    answer[strcspn(answer, "\n")] = '\0';
    return ckpt_error_set(error, 0, "%s", answer);
}

static void fill_arguments(char **words, const struct ckpt_host *host, char pid[32], bool probe)
{
    size_t count = 0;

    snprintf(pid, 32, "--pid=%d", getpid());
    words[count++] = (char *)"checkpointer";
    words[count++] = (char *)"drive";
    words[count++] = (char *)"--engine=criu";
    words[count++] = pid;
    if (probe)
        words[count++] = (char *)"--probe";
    if (host->leave_running)
        words[count++] = (char *)"--leave-running";
    for (size_t i = 0; host->driver_arguments[i] && count < WORDS_MAX - 2; i++)
        words[count++] = (char *)host->driver_arguments[i];
    words[count++] = (char *)host->directory;
    words[count] = NULL;
}

static int start_with(const struct ckpt_host *host, bool probe, int command, int connection,
                      struct ckpt_error *error)
{
    const char *path = getenv("PATH");
    ckpt_auto_free char *variable = NULL;
    char pid[32], *arguments[WORDS_MAX];
    char *environment[] = {(char *)PATH_DEFAULT, NULL};
    const struct ckpt_driver_start start = {.command_fd = command,
                                            .connection = connection,
                                            .arguments = arguments,
                                            .environment = environment};
    sigset_t all, before;
    int result;

    if (path && asprintf(&variable, "PATH=%s", path) > 0)
        environment[0] = variable;
    fill_arguments(arguments, host, pid, probe);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = ckpt_driver_start(&start, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* Start a driver and wait until it is ready. The connection to it, or -1. */
static int start_driver(const struct ckpt_host *host, bool probe, struct ckpt_error *error)
{
    ckpt_auto_close int command = ckpt_command_file_open();
    ckpt_auto_close int ours = -1, theirs = -1;
    int pair[2];

    if (command < 0)
        return ckpt_error_set(error, -command, "cannot start the command that drives criu");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return ckpt_error_set(error, errno, "cannot start the command that drives criu");
    ours = pair[0];
    theirs = pair[1];
    if (start_with(host, probe, command, theirs, error) < 0)
        return -1;
    close(CKPT_STEAL_FD(theirs)); /* so that its end is noticed */
    return wait_ready(ours, probe, error) < 0 ? -1 : CKPT_STEAL_FD(ours);
}

/* ---- the engine's functions ---- */

static void on_load(void)
{
}

static int check_machine(struct ckpt_error *error)
{
    (void)error;
    return 0; /* check_room() asks criu itself */
}

static int check_room(const struct ckpt_host *host, struct ckpt_error *error)
{
    int connection;

    if (host->driver >= 0)
        return 0; /* that command has asked criu before it sent the request */
    connection = start_driver(host, true, error);
    if (connection < 0)
        return -1;
    close(connection);
    return 0;
}

static void name_socket(struct ckpt_frozen_offer *offer)
{
    char name[CKPT_CONTROL_NAME_MAX];

    ckpt_control_name(name, "/tmp", geteuid(), getpid(), ckpt_control_namespace("self"));
    snprintf(offer->socket, sizeof offer->socket, "%.96s" CKPT_FROZEN_SUFFIX, name);
    offer->pid = (uint32_t)getpid();
    offer->uid = geteuid();
    offer->gid = getegid();
    offer->generation = ckpt_generation();
    offer->mailbox_size = ckpt_mailbox()->size;
}

/* The connections that criu gets an option for, so that they are no obstacle. */
static unsigned kept_connections(const struct ckpt_host *host)
{
    unsigned kept = 0;

    if (host->driver >= 0)
        return host->kept_connections;
    for (size_t i = 0; host->driver_arguments[i]; i++)
        kept |= ckpt_criu_kept_connections(host->driver_arguments[i]);
    return kept;
}

static int prepare(const struct ckpt_host *host, struct ckpt_engine_job **ret_job,
                   struct ckpt_error *error)
{
    struct ckpt_engine_job *job = calloc(1, sizeof *job);

    if (host->connections == CKPT_CONNECTIONS_CLOSE || host->children > CKPT_CHILDREN_REFUSE) {
        free(job);
        return ckpt_error_set(error, 0,
                              "the engine criu does not know the options connections and "
                              "children: it keeps children, and connections with "
                              "--tcp-established; leave them out");
    }
    if (!job)
        return ckpt_error_set(error, ENOMEM,
                              "cannot prepare the checkpoint; the machine needs more memory");
    job->freeze.host = host;
    job->freeze.mailbox = ckpt_mailbox();
    job->freeze.connection = host->driver;
    job->freeze.own_fds = job->own_fds;
    job->freeze.kept_connections = kept_connections(host);
    if (ckpt_park_options_find(host, &job->freeze.park, error) < 0) {
        free(job);
        return -1;
    }
    name_socket(&job->freeze.offer.head);
    *ret_job = job;
    return 0;
}

/* Connections. criu itself finds the other obstacles, when it dumps. */
static void precheck(struct ckpt_engine_job *job, struct ckpt_report *report,
                     struct ckpt_report *warnings)
{
    struct ckpt_error error;

    if (job->freeze.host->policies)
        ckpt_report_add(warnings, "warning",
                        "policies for descriptors are not applied by the engine criu");
    job->freeze.own_fd_count = job->freeze.host->hold_fds(job->own_fds);
    if (ckpt_criu_freeze_check(&job->freeze, report, &error) < 0)
        ckpt_report_add(report, "error", "%s", error.text);
}

static int begin(struct ckpt_engine_job *job, struct ckpt_report *report)
{
    struct ckpt_error error;

    if (job->freeze.host->driver >= 0)
        return 0;
    job->freeze.connection = start_driver(job->freeze.host, false, &error);
    if (job->freeze.connection >= 0)
        return 0;
    ckpt_report_add(report, "error", "%s", error.text);
    return -1;
}

static enum ckpt_freeze_result freeze(struct ckpt_engine_job *job, struct ckpt_report *report)
{
    return ckpt_criu_freeze(&job->freeze, report);
}

static void discard(struct ckpt_engine_job *job)
{
    if (job->freeze.host->driver < 0 && job->freeze.connection >= 0)
        close(job->freeze.connection);
    free(job);
}

const struct ckpt_engine_jvm ckpt_engine_criu_jvm = {
    .name = "criu",
    .on_load = on_load,
    .check_machine = check_machine,
    .check_room = check_room,
    .prepare = prepare,
    .precheck = precheck,
    .begin = begin,
    .freeze = freeze,
    .discard = discard,
};
