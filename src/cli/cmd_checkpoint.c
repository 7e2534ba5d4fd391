/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer checkpoint PID DIR: asks the agent in a JVM, and first loads it if it is not there.
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

#define SOCKET_MS 10000 /* it is there within milliseconds, unless the machine is busy */
#define SOON_MS 500
#define AGAIN_MS 20
#define PROGRESS_AFTER_MS 1000 /* nobody wants a bar that flashes by */
#define END_MS 60000           /* a large JVM takes a while to give back its memory */

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

/* An absolute path without needing the directory to exist; it is the JVM that makes it. */
static int absolute(const char *directory, char *path, size_t size, struct ckpt_error *error)
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
 * Until the agent has its socket, and not until there is one of that name: a JVM of the same PID
 * that was killed has left its own.
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
        if (fd != -2 || ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline || poll(&end, 1, AGAIN_MS) > 0)
            return fd;
    }
}

static int connect_agent(const struct ckpt_target *target, struct ckpt_error *error)
{
    char library[PATH_MAX];
    int fd = ckpt_target_connect(target, error);
    bool loaded, was_there;

    if (fd != -2)
        return fd;
    was_there = ckpt_target_has(target, "libcheckpointer");
    if (ckpt_target_check_tmp(target, error) < 0)
        return -1;
    /* One that was restored just now, or that is starting: to attach would leave a thread there. */
    fd = was_there ? wait_for_agent(target, SOON_MS, error) : -2;
    if (fd != -2)
        return fd;
    if (ckpt_target_agent(library, sizeof library, error) < 0)
        return -1;
    loaded = ckpt_attach_load(target, library, "addr=none", error) == 0;
    /* A JVM that is only starting takes no agent yet; its own makes the socket in a moment. */
    if (!loaded && !was_there)
        return -1;
    fd = wait_for_agent(target, SOCKET_MS, error);
    if (fd == -2 && was_there)
        return ckpt_error_set(error, 0,
                              "JVM %d has the agent, but not its control socket (control=false, or "
                              "a warning in the JVM's standard error says why); ask by "
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
 * Read the answer line by line. 1: the image is written and the JVM ends, 0: it continues, or it
 * waits with its end until this command has ended, -1: failed.
 */
static int follow(int fd, struct ckpt_error *error)
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
            error->text[0] = '\0'; /* all is said */
            return -1;
        }
    }
    end_progress();
    return ckpt_error_set(error, 0,
                          "the JVM ended in the middle of the checkpoint; 'checkpointer inspect' "
                          "tells whether the directory has an image, and which");
}

static int wait_for_end(const struct ckpt_target *target, struct ckpt_error *error)
{
    ckpt_auto_close int fd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    if (fd < 0 || poll(&wait, 1, END_MS) > 0)
        return 0; /* ended, or before we could look */
    return ckpt_error_set(error, ETIMEDOUT, "the image is written but JVM %d has not ended",
                          target->pid);
}

static int checkpoint(const char *pid, const char *directory, const char *extra,
                      struct ckpt_error *error)
{
    struct ckpt_target target;
    char path[PATH_MAX], request[PATH_MAX + 128];
    ckpt_auto_close int fd = -1;
    int length, result;

    if (absolute(directory, path, sizeof path, error) < 0 ||
        ckpt_target_find(pid, &target, error) < 0)
        return -1;
    if (target.stopped) /* it would do it unasked whenever it goes on */
        return ckpt_error_set(error, 0, "JVM %d is stopped; let it go on first: 'kill -CONT %d'",
                              target.pid, target.pid);
    fd = connect_agent(&target, error);
    if (fd < 0)
        return -1;
    length = snprintf(request, sizeof request, "checkpoint\ndirectory=%s\n%s\n", path, extra);
    /* an agent that hung up at once has said why */
    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length && errno != EPIPE)
        return ckpt_error_set(error, errno, "cannot talk to the agent");
    result = follow(fd, error);
    return result == 1 ? wait_for_end(&target, error) : result;
}

static int run(int argc, char **argv)
{
    const char *words[2] = {NULL, NULL};
    struct ckpt_error error;
    char extra[256] = "";
    int count = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--leave-running") == 0)
            snprintf(extra + strlen(extra), sizeof extra - strlen(extra), "leave-running=1\n");
        else if (strcmp(argv[i], "--no-gc") == 0)
            snprintf(extra + strlen(extra), sizeof extra - strlen(extra), "gc=0\n");
        else if (strcmp(argv[i], "--no-rehearsal") == 0)
            snprintf(extra + strlen(extra), sizeof extra - strlen(extra), "rehearsal=0\n");
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
    if (checkpoint(words[0], words[1], extra, &error) < 0)
        return error.text[0] ? ckpt_cli_fail(&error) : CKPT_EXIT_FAILED;
    return CKPT_EXIT_DONE;
}

const struct ckpt_command ckpt_command_checkpoint = {
    .name = "checkpoint",
    .arguments = "[--leave-running] [--no-gc] [--no-rehearsal] PID DIR",
    .summary = "Freeze the JVM with process ID PID into the image directory DIR",
    .help =
        "The JVM's beforeCheckpoint hooks run, then it is written to DIR (made if it is not "
        "there)\n"
        "and ended with SIGKILL. If that cannot be done it goes on running, and every reason is\n"
        "told. An image that was in DIR is replaced when the new one is whole.\n\n"
        "The agent is loaded into the JVM if it was not started with it.\n\n"
        "  --leave-running   let the JVM go on after its image is written\n"
        "  --no-gc           no collection first: quicker, and a larger image\n"
        "  --no-rehearsal    do not find out first whether the image would be restored here\n",
    .run = run,
};
