/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer checkpoint PID DIR: requests a checkpoint from the agent in a JVM, after loading the
 * agent if the JVM does not have it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "engine/engine.h"

#define SOCKET_MS 10000      /* wait for an agent that was just loaded; usually short */
#define PRESENT_AGENT_MS 500 /* wait for an agent that the JVM maps already */
#define RETRY_MS 20
#define PROGRESS_AFTER_MS 1000 /* a shorter checkpoint prints no progress */
#define END_MS 60000           /* freeing the memory of a large JVM takes a while */

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

/* The absolute path of @directory, which need not exist: the JVM creates it. */
static int absolute_path(const char *directory, char *path, size_t size, struct ckpt_error *error)
{
    char cwd[PATH_MAX];
    int length;

    if (!*directory || strchr(directory, '\n'))
        return ckpt_error_set(error, 0, "the image directory needs a name without newlines");
    if (directory[0] == '/')
        length = snprintf(path, size, "%s", directory);
    else if (!getcwd(cwd, sizeof cwd))
        return ckpt_error_set(error, errno, "the working directory is gone");
    else
        length = snprintf(path, size, "%s/%s", cwd, directory);
    if (length >= (int)size)
        return ckpt_error_set(error, ENAMETOOLONG, "'%s'", directory);
    return 0;
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
        return ckpt_error_set(error, 0,
                              "JVM %d has the agent, but no control socket (it has control=false, "
                              "or its standard error has a warning with the reason); use "
                              "Core.checkpointRestore(), the agent's option signal, or its HTTP "
                              "endpoint",
                              target->pid);
    if (fd == -2)
        return ckpt_error_set(error, 0,
                              "the agent was loaded but opened no control socket; its "
                              "warning is in the JVM's standard error");
    return fd;
}

/*
 * Read the agent's answer line by line. 1: the image is written and the JVM ends; 0: the JVM
 * continues, or ends only after this command has; -1: failed.
 */
static int read_answer(int fd, struct ckpt_error *error)
{
    ckpt_auto_fclose FILE *answer = fdopen(dup(fd), "re");
    int64_t began = ckpt_clock_ms(CLOCK_MONOTONIC);
    char line[4096];
    bool any = false;

    while (answer && fgets(line, sizeof line, answer)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "progress ", 9) == 0) {
            show_progress(line + 9, began);
            continue;
        }
        end_progress();
        if (strncmp(line, "text ", 5) == 0) {
            fputs(any ? "" : "checkpointer: ", stderr);
            ckpt_terminal_put(stderr, line + 5);
            fputc('\n', stderr);
            any = true;
        } else if (strcmp(line, "written") == 0) {
            return 1;
        } else if (strcmp(line, "done") == 0 || strcmp(line, "leave") == 0) {
            return 0;
        } else if (strcmp(line, "failed") == 0) {
            error->text[0] = '\0'; /* the loop has printed the reasons */
            return -1;
        }
    }
    end_progress();
    return ckpt_error_set(error, 0,
                          "the JVM ended in the middle of the checkpoint; see with 'checkpointer "
                          "inspect' whether the directory has an image, and which");
}

static int wait_for_end(const struct ckpt_target *target, struct ckpt_error *error)
{
    ckpt_auto_close int fd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    if (fd < 0 || poll(&wait, 1, END_MS) > 0)
        return 0; /* it has ended, perhaps before pidfd_open() */
    return ckpt_error_set(error, ETIMEDOUT, "the image is written but JVM %d has not ended",
                          target->pid);
}

struct arguments {
    const char *pid;
    char directory[PATH_MAX]; /* an absolute path */
    bool leave_running, no_gc, no_rehearsal;
};

/* Send a request to the agent; the result is that of read_answer(). */
static int request_step(const struct ckpt_target *target, const char *request,
                        struct ckpt_error *error)
{
    ckpt_auto_close int fd = connect_agent(target, error);
    ssize_t length = (ssize_t)strlen(request);

    if (fd < 0)
        return -1;
    /* An agent that refuses may close the connection early; its answer has the reason. */
    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length && errno != EPIPE)
        return ckpt_error_set(error, errno, "cannot talk to the agent");
    return read_answer(fd, error);
}

/* The JVM freezes itself. */
static int freeze_inside(const struct ckpt_target *target, const struct arguments *arguments,
                         struct ckpt_error *error)
{
    char request[PATH_MAX + 128];
    int result;

    snprintf(request, sizeof request, "checkpoint\ndirectory=%s\n%s%s%s\n", arguments->directory,
             arguments->leave_running ? "leave-running=1\n" : "", arguments->no_gc ? "gc=0\n" : "",
             arguments->no_rehearsal ? "rehearsal=0\n" : "");
    result = request_step(target, request, error);
    return result == 1 ? wait_for_end(target, error) : result;
}

/* The engine freezes the JVM between the two halves of the hooks. */
static int freeze_outside(const struct ckpt_engine *engine, const struct ckpt_target *target,
                          const struct arguments *arguments, struct ckpt_error *error)
{
    const struct ckpt_freeze_request request = {.pid = target->pid,
                                                .directory = arguments->directory,
                                                .leave_running = arguments->leave_running};
    struct ckpt_error resume_error;
    int result;

    if (request_step(target, arguments->no_gc ? "prepare\ngc=0\n\n" : "prepare\n\n", error) < 0)
        return -1;
    result = engine->freeze(&request, error);
    if ((result < 0 || request.leave_running) &&
        request_step(target, "resume\n\n", &resume_error) < 0) {
        if (result < 0 && resume_error.text[0])
            ckpt_cli_fail(&resume_error);
        else if (result == 0)
            *error = resume_error;
        result = -1;
    }
    return result;
}

static int checkpoint(const struct arguments *arguments, struct ckpt_error *error)
{
    const struct ckpt_engine *engine = ckpt_engine_at(0);
    struct ckpt_target target;

    if (ckpt_target_find(arguments->pid, &target, error) < 0)
        return -1;
    if (target.stopped) /* otherwise the request would be carried out when the JVM continues */
        return ckpt_error_set(error, 0, "JVM %d is stopped; let it continue first: 'kill -CONT %d'",
                              target.pid, target.pid);
    return engine->freeze ? freeze_outside(engine, &target, arguments, error)
                          : freeze_inside(&target, arguments, error);
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {.pid = NULL};
    const char *words[2] = {NULL, NULL};
    struct ckpt_error error;
    int count = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--leave-running") == 0)
            arguments.leave_running = true;
        else if (strcmp(argv[i], "--no-gc") == 0)
            arguments.no_gc = true;
        else if (strcmp(argv[i], "--no-rehearsal") == 0)
            arguments.no_rehearsal = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return ckpt_cli_usage(&ckpt_command_checkpoint, "'%s' is not an option", argv[i]);
        else if (count == 2)
            return ckpt_cli_usage(&ckpt_command_checkpoint, "'%s' is one argument too many",
                                  argv[i]);
        else
            words[count++] = argv[i];
    }
    if (count < 2)
        return ckpt_cli_usage(&ckpt_command_checkpoint, "%s is missing",
                              count ? "the image directory" : "the process ID");
    arguments.pid = words[0];
    if (absolute_path(words[1], arguments.directory, sizeof arguments.directory, &error) < 0 ||
        checkpoint(&arguments, &error) < 0)
        return error.text[0] ? ckpt_cli_fail(&error) : CKPT_EXIT_FAILED;
    return CKPT_EXIT_DONE;
}

const struct ckpt_command ckpt_command_checkpoint = {
    .name = "checkpoint",
    .arguments = "[--leave-running] [--no-gc] [--no-rehearsal] PID DIR",
    .summary = "Freeze the JVM with process ID PID into the image directory DIR",
    .help =
        "Calls the JVM's beforeCheckpoint hooks, writes the JVM to DIR (made if it does not "
        "exist)\n"
        "and ends it with SIGKILL. If the checkpoint is refused, all obstacles are reported and "
        "the\n"
        "JVM continues. An image in DIR is replaced only when the new one is complete.\n\n"
        "The agent is loaded into the JVM if the JVM was not started with it.\n\n"
        "  --leave-running   let the JVM continue after its image is written\n"
        "  --no-gc           do not collect garbage first: quicker, and a larger image\n"
        "  --no-rehearsal    do not test that the image can be restored on this machine\n",
    .run = run,
};
