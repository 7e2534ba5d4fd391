/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See agent_request.h. The protocol is documented in agent/requests/control_socket.h.
 */
#include "cli/agent_request.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/agent_answer.h"
#include "cli/terminal.h"

#define SOCKET_MS 10000      /* wait for an agent that was just loaded; usually short */
#define PRESENT_AGENT_MS 500 /* wait for an agent that the JVM maps already */
#define RETRY_MS 20
#define PROGRESS_AFTER_MS 1000 /* a shorter checkpoint prints no progress */

static bool progress_shown;

static void show_progress(const char *text, int64_t began)
{
    unsigned long done, total;

    if (ckpt_clock_ms(CLOCK_MONOTONIC) - began < PROGRESS_AFTER_MS || !isatty(STDERR_FILENO) ||
        sscanf(text, "%lu %lu", &done, &total) != 2 || !total)
        return;
    fprintf(stderr, "\rwriting %lu of %lu MiB (%lu%%)  ", done >> 20, total >> 20,
            done / (total / 100 + 1));
    progress_shown = true;
}

static void end_progress(void)
{
    if (progress_shown)
        fprintf(stderr, "\r\033[K");
    progress_shown = false;
}

/*
 * Wait until the agent listens. A file of that name is not enough: a JVM that was killed and had
 * the same PID may have left its socket there.
 */
static int wait_for_agent(const struct ckpt_target *target, int limit_ms, struct ckpt_error *error)
{
    ckpt_auto_close int jvm = (int)syscall(SYS_pidfd_open, target->pid, 0);
    struct pollfd end = {.fd = jvm, .events = POLLIN};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + limit_ms;
    char path[CKPT_CONTROL_NAME_MAX];
    int fd;

    ckpt_target_socket(target, path);
    for (;;) {
        ckpt_attach_wait(target, path, limit_ms);
        fd = ckpt_target_connect(target, error);
        if (fd != -2 || ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline || poll(&end, 1, RETRY_MS) > 0)
            return fd;
    }
}

static int connect_agent(const struct ckpt_target *target, struct ckpt_error *error)
{
    char library[PATH_MAX];
    int fd = ckpt_target_connect(target, error);
    bool loaded, has_agent;

    if (fd != -2)
        return fd;
    has_agent = ckpt_target_maps(target, "libcheckpointer");
    if (ckpt_target_check_tmp(target, error) < 0)
        return -1;
    /*
     * A JVM that was just restored or is starting has its socket soon. Attaching would make the JVM
     * start its attach thread.
     */
    fd = has_agent ? wait_for_agent(target, PRESENT_AGENT_MS, error) : -2;
    if (fd != -2)
        return fd;
    if (ckpt_target_find_library(library, sizeof library, error) < 0)
        return -1;
    loaded = ckpt_attach_load(target, library, "addr=none", error) == 0;
    /*
     * A JVM that is still starting cannot load agents, but if it maps the agent, the agent will
     * open its socket.
     */
    if (!loaded && !has_agent)
        return -1;
    fd = wait_for_agent(target, SOCKET_MS, error);
    if (fd == -2 && has_agent)
        return ckpt_error_set(error, 0, "JVM %d has the agent, but " CKPT_NO_CONTROL_SOCKET,
                              target->pid);
    if (fd == -2)
        return ckpt_error_set(error, 0,
                              "the agent was loaded but opened no control socket; its "
                              "warning is in the JVM's standard error");
    return fd;
}

/* Print a line "text TEXT" of the agent. */
static void show_text(const char *text, bool first)
{
    fputs(first ? "checkpointer: " : "", stderr);
    ckpt_terminal_put(stderr, text);
    fputc('\n', stderr);
}

/* Add a line "text TEXT" to what a failure will have as its reason. */
static void collect_text(char reasons[CKPT_ERROR_MAX], const char *text)
{
    size_t length = strlen(reasons);

    text += strspn(text, " ");
    snprintf(reasons + length, CKPT_ERROR_MAX - length, "%s%s", length ? " " : "", text);
}

/* Freeze the JVM, whose threads are parked. 1: it has ended; 2: it will answer; -1: failed. */
static int drive(struct ckpt_agent_answer *answer, const char *line,
                 struct ckpt_agent_progress *progress, struct ckpt_error *error)
{
    struct ckpt_offered offered;
    enum ckpt_drive_result result;

    if (!progress->driven)
        return ckpt_error_set(error, 0, "the agent waits for a freeze that was not requested");
    if (ckpt_agent_answer_offer(answer, line, &offered, error) < 0)
        return -1;
    if (progress->directory[0])
        progress->freeze.directory = progress->directory;
    result = progress->driven->drive(&progress->freeze, &offered, error);
    ckpt_offered_free(&offered);
    return result == CKPT_DRIVE_LOST ? -1 : result == CKPT_DRIVE_ENDED ? 1 : 2;
}

/*
 * Whether the agent's directory is one that the pattern may stand for: the JVM may be another
 * user's, and must not choose where root writes.
 */
static bool fits_pattern(const char *directory, const char *pattern)
{
    size_t literal = strcspn(pattern, "%");

    return strncmp(directory, pattern, literal) == 0 && !strstr(directory, "/../") &&
           (pattern[literal] || !directory[literal]);
}

/*
 * Carry out one line of the agent's answer, unless it is a text. 1: the image is written and the
 * JVM ends; 0: the JVM continues, or ends only after this command has; -1: failed; 2: more lines
 * follow.
 */
static int take_line(struct ckpt_agent_answer *answer, const char *line, int64_t began,
                     struct ckpt_agent_progress *progress, struct ckpt_error *error)
{
    if (strncmp(line, "progress ", 9) == 0) {
        show_progress(line + 9, began);
        return 2;
    }
    end_progress();
    if (strncmp(line, "frozen ", 7) == 0)
        return drive(answer, line, progress, error);
    if (strncmp(line, "directory ", 10) == 0) {
        snprintf(progress->directory, PATH_MAX, "%.*s", PATH_MAX - 1, line + 10);
        if (progress->driven && !fits_pattern(progress->directory, progress->freeze.directory))
            return ckpt_error_set(error, 0,
                                  "the agent has made '%s' of '%s', where this command does not "
                                  "write; name a directory without patterns",
                                  progress->directory, progress->freeze.directory);
    }
    if (strncmp(line, "found ", 6) == 0 && progress->found)
        progress->found(progress->context, line + 6);
    if (strncmp(line, "address ", 8) == 0)
        snprintf(progress->address, sizeof progress->address, "%.*s",
                 (int)sizeof progress->address - 1, line + 8);
    if (strcmp(line, "written") == 0)
        return 1;
    if (strcmp(line, "leave") == 0)
        return 0;
    if (strcmp(line, "done") == 0) {
        /* Until the agent has closed its end, which CRIU could not dump. */
        while (ckpt_agent_answer_line(answer))
            continue;
        return 0;
    }
    if (strcmp(line, "failed") != 0)
        return 2;
    error->text[0] = '\0'; /* the caller has printed the reasons */
    return -1;
}

/* Read the agent's answer line by line; the result is that of take_line(), but never 2. */
static int read_answer(int fd, const char *request, struct ckpt_agent_progress *progress,
                       struct ckpt_error *error)
{
    const struct timeval limit = {.tv_sec = progress->timeout_s};
    int64_t began = ckpt_clock_ms(CLOCK_MONOTONIC);
    struct ckpt_agent_answer answer;
    char reasons[CKPT_ERROR_MAX] = "";
    const char *line;
    bool any = false, timed_out;
    int result = 2;

    if (progress->timeout_s)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ckpt_agent_answer_begin(&answer, fd);
    errno = 0;
    while (result == 2 && (line = ckpt_agent_answer_line(&answer))) {
        if (strncmp(line, "text ", 5) == 0 && progress->collects) {
            collect_text(reasons, line + 5);
        } else if (strncmp(line, "text ", 5) == 0) {
            end_progress();
            show_text(line + 5, !any);
            any = true;
        } else {
            result = take_line(&answer, line, began, progress, error);
        }
    }
    timed_out = result == 2 && errno == EAGAIN;
    ckpt_agent_answer_end(&answer);
    end_progress();
    if (result < 0 && reasons[0])
        ckpt_error_set(error, 0, "%s", reasons);
    if (result != 2)
        return result;
    if (timed_out)
        return ckpt_error_set(
            error, 0,
            "the agent has not answered within %u seconds; see with jstack what its hooks do",
            progress->timeout_s);
    if (strncmp(request, "checkpoint\n", 11) != 0)
        return ckpt_error_set(error, 0,
                              "the JVM ended, or was frozen, before it answered; its own output "
                              "may have the reason");
    return ckpt_error_set(error, 0,
                          "the JVM ended in the middle of the checkpoint; see with 'checkpointer "
                          "inspect' whether the directory has an image, and which");
}

int ckpt_agent_send(const struct ckpt_target *target, const char *request, size_t size,
                    struct ckpt_agent_progress *progress, struct ckpt_error *error)
{
    ckpt_auto_close int fd = connect_agent(target, error);

    if (fd < 0)
        return -1;
    /* An agent that refuses may close the connection early; its answer has the reason. */
    if (send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size && errno != EPIPE)
        return ckpt_error_set(error, errno, "cannot talk to the agent");
    return read_answer(fd, request, progress, error);
}

int ckpt_agent_request(const struct ckpt_target *target, const char *request,
                       struct ckpt_agent_progress *progress, struct ckpt_error *error)
{
    return ckpt_agent_send(target, request, strlen(request), progress, error);
}
