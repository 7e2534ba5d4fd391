/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer checkpoint PID DIR: requests a checkpoint from the agent in a JVM, after loading the
 * agent if the JVM does not have it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/agent_request.h"
#include "cli/allowance_options.h"
#include "cli/cli.h"
#include "cli/engine_options.h"
#include "cli/jvm_tree.h"
#include "cli/terminal.h"
#include "engine/engine.h"
#include "engine/image_name.h"
#include "engine/labels.h"

#define END_MS 60000 /* freeing the memory of a large JVM takes a while */

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
    char directory[PATH_MAX]; /* an absolute path, with patterns */
    bool has_pattern;
    struct ckpt_labels labels;
    bool leave_running, no_gc, no_rehearsal;
    struct ckpt_engine_options engine;
    struct ckpt_allowance_options allowance;
};

/*
 * A request for a whole checkpoint, malloc'd, or NULL. @driven: the engine whose freeze this
 * command drives; NULL: none.
 */
static char *make_request(const struct arguments *arguments, const struct ckpt_engine *driven,
                          size_t *ret_size)
{
    char *request = NULL;
    size_t size;
    FILE *to = open_memstream(&request, &size);
    const char *label = arguments->labels.words;
    unsigned kept = driven ? driven->kept_connections(&arguments->engine.settings) : 0;

    if (!to)
        return NULL;
    fprintf(to, "checkpoint\n%s=%s\n%s%s%s", arguments->has_pattern ? "pattern" : "directory",
            arguments->directory, arguments->leave_running ? "leave-running=1\n" : "",
            arguments->no_gc ? "gc=0\n" : "", arguments->no_rehearsal ? "rehearsal=0\n" : "");
    if (strcmp(arguments->engine.engine, "auto") != 0)
        fprintf(to, "engine=%s\n%s", arguments->engine.engine, driven ? "driver=1\n" : "");
    if (kept & CKPT_CONNECTIONS_TCP)
        fputs("keep=tcp\n", to);
    if (kept & CKPT_CONNECTIONS_UNIX)
        fputs("keep=unix\n", to);
    for (uint32_t i = 0; i < arguments->labels.count; i++, label += strlen(label) + 1)
        fprintf(to, "label=%s\n", label);
    ckpt_allowance_options_end(&arguments->allowance, to);
    if (fclose(to) != 0)
        return NULL;
    *ret_size = size;
    return request;
}

/* A program gets each byte of the name, a terminal no control characters. */
static void print_directory(const char *directory)
{
    if (isatty(STDOUT_FILENO))
        ckpt_terminal_put(stdout, directory);
    else
        fputs(directory, stdout);
    putchar('\n');
}

/* The JVM freezes itself, or this command does so when the agent asks for it. */
static int freeze_inside(const struct ckpt_target *target, const struct arguments *arguments,
                         struct ckpt_agent_progress *progress, struct ckpt_error *error)
{
    size_t size;
    ckpt_auto_free char *request = make_request(arguments, progress->driven, &size);
    int result;

    if (!request)
        return ckpt_error_set(error, ENOMEM, "cannot talk to the agent");
    result = ckpt_agent_send(target, request, size, progress, error);
    if (result == 1)
        result = wait_for_end(target, error);
    if (result == 0 && progress->directory[0])
        print_directory(progress->directory);
    return result;
}

/*
 * The first half of the other JVMs of the tree. A signal that is to end this command waits for it:
 * from then on another process sees to their second half.
 */
static int prepare_tree(struct ckpt_jvm_tree *tree, const struct arguments *arguments,
                        struct ckpt_error *error)
{
    sigset_t ending, before;
    char text[512];
    int result;

    if (ckpt_jvm_tree_check(tree, error) < 0)
        return -1;
    if (ckpt_jvm_tree_warning(tree, text, sizeof text))
        fprintf(stderr, "checkpointer: warning: %s\n", text);
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGQUIT);
    sigprocmask(SIG_BLOCK, &ending, &before);
    result = ckpt_jvm_tree_prepare(tree, arguments->no_gc, error);
    if (result == 0)
        ckpt_jvm_tree_watch(tree, -1);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* freeze_inside() for an engine that freezes the JVM's whole tree of processes. */
static int freeze_tree(const struct ckpt_target *target, const struct arguments *arguments,
                       struct ckpt_agent_progress *progress, struct ckpt_error *error)
{
    ckpt_auto_close int jvm = (int)syscall(SYS_pidfd_open, target->pid, 0);
    struct pollfd end = {.fd = jvm, .events = POLLIN};
    struct ckpt_error resume_error;
    struct ckpt_jvm_tree tree;
    int result;

    ckpt_jvm_tree_find(target->pid, false, arguments->engine.settings.timeout_s, &tree);
    result = prepare_tree(&tree, arguments, error);
    if (result == 0)
        result = freeze_inside(target, arguments, progress, error);
    if ((result < 0 || (jvm >= 0 && poll(&end, 1, 0) == 0)) &&
        ckpt_jvm_tree_resume(&tree, &resume_error) < 0) {
        if (result < 0)
            ckpt_cli_fail(&resume_error);
        else
            *error = resume_error;
        result = -1;
    }
    ckpt_jvm_tree_free(&tree);
    return result;
}

/* The engine freezes the JVM between the two halves of the hooks. */
static int freeze_outside(const struct ckpt_engine *engine, const struct ckpt_target *target,
                          const struct arguments *arguments, struct ckpt_agent_progress *progress,
                          struct ckpt_error *error)
{
    struct ckpt_error resume_error;
    int result;

    if (ckpt_agent_request(target, arguments->no_gc ? "prepare\ngc=0\n\n" : "prepare\n\n", progress,
                           error) < 0)
        return -1;
    result = engine->freeze(&progress->freeze, error);
    if ((result < 0 || arguments->leave_running) &&
        ckpt_agent_request(target, "resume\n\n", progress, &resume_error) < 0) {
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
    const struct ckpt_engine *engine = ckpt_engine_options_engine(&arguments->engine, error);
    struct ckpt_agent_progress progress = {.freeze = {.directory = arguments->directory,
                                                      .leave_running = arguments->leave_running,
                                                      .labels = arguments->labels.words,
                                                      .labels_size = arguments->labels.size,
                                                      .settings = arguments->engine.settings}};
    struct ckpt_target target;

    if (!engine || ckpt_target_find(arguments->pid, &target, error) < 0)
        return -1;
    if (ckpt_target_check_running(&target, error) < 0)
        return -1;
    progress.freeze.pid = target.pid;
    if (engine->freeze)
        return freeze_outside(engine, &target, arguments, &progress, error);
    if (engine->drive) {
        progress.driven = engine;
        if (engine->check_drive(&progress.freeze, error) < 0)
            return -1;
    }
    return engine->drive && engine->keeps_children
               ? freeze_tree(&target, arguments, &progress, error)
               : freeze_inside(&target, arguments, &progress, error);
}

/* What is wrong with the process ID and the directory themselves. */
static int check_words(const char *pid, const char *directory, struct ckpt_error *error)
{
    if (ckpt_target_check_pid(pid, error) < 0)
        return -1;
    if (!*directory || strchr(directory, '\n'))
        return ckpt_error_set(error, 0, "the image directory needs a name, without newlines");
    return ckpt_cli_check_image_name(directory, error);
}

/*
 * The directory as an absolute path. Only if the argument has patterns is it sent as one, because
 * agents of older images know none.
 */
static int take_directory(const char *given, struct arguments *arguments, struct ckpt_error *error)
{
    char pattern[PATH_MAX];
    const struct ckpt_image_name_values none = {.architecture = ""};

    arguments->has_pattern = strchr(given, '%');
    if (ckpt_cli_image_directory(given, pattern, error) < 0)
        return -1;
    if (!arguments->has_pattern) /* but the working directory may have percent signs */
        return ckpt_image_name_expand(pattern, &none, arguments->directory,
                                      sizeof arguments->directory, error);
    strcpy(arguments->directory, pattern);
    return 0;
}

/* Take --label, with the results of ckpt_cli_option(); -2: it is no label. */
static int take_label(int argc, char **argv, int *index, struct arguments *arguments,
                      struct ckpt_error *error)
{
    const char *label;
    int taken = ckpt_cli_option(&ckpt_command_checkpoint, argc, argv, index, "--label", &label);

    return taken > 0 && ckpt_labels_add(&arguments->labels, label, error) < 0 ? -2 : taken;
}

static int take_flag(const char *word, struct arguments *arguments)
{
    if (strcmp(word, "--leave-running") == 0)
        arguments->leave_running = true;
    else if (strcmp(word, "--no-gc") == 0)
        arguments->no_gc = true;
    else if (strcmp(word, "--no-rehearsal") == 0)
        arguments->no_rehearsal = true;
    else
        return ckpt_cli_usage(&ckpt_command_checkpoint, "'%s' is not an option", word);
    return 0;
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {.engine = CKPT_ENGINE_OPTIONS_NONE};
    const char *words[2] = {NULL, NULL};
    struct ckpt_error error;
    int count = 0;

    for (int i = 0; i < argc;) {
        int taken = take_label(argc, argv, &i, &arguments, &error);

        if (taken == -2)
            return ckpt_cli_wrong(&error);
        if (!taken)
            taken = ckpt_engine_options_take(&ckpt_command_checkpoint, argc, argv, &i,
                                             &arguments.engine);
        if (!taken)
            taken = ckpt_allowance_options_take(&ckpt_command_checkpoint, argc, argv, &i,
                                                &arguments.allowance);
        if (taken < 0)
            return CKPT_EXIT_USAGE;
        if (taken > 0)
            continue;
        if (argv[i][0] == '-' && argv[i][1]) {
            if (take_flag(argv[i++], &arguments))
                return CKPT_EXIT_USAGE;
            continue;
        }
        if (count == 2)
            return ckpt_cli_usage(&ckpt_command_checkpoint, "'%s' is one argument too many",
                                  argv[i]);
        words[count++] = argv[i++];
    }
    if (count < 2)
        return ckpt_cli_usage(&ckpt_command_checkpoint, "%s is missing",
                              count ? "the image directory" : "the process ID");
    arguments.pid = words[0];
    if (arguments.engine.given && strcmp(arguments.engine.engine, "criu") != 0)
        return ckpt_engine_options_conflict(&ckpt_command_checkpoint);
    if (ckpt_allowance_options_given(&arguments.allowance) &&
        strcmp(arguments.engine.engine, "criu") == 0)
        return ckpt_allowance_options_conflict(&ckpt_command_checkpoint);
    if (check_words(words[0], words[1], &error) < 0 ||
        ckpt_allowance_options_read(&arguments.allowance, &error) < 0)
        return ckpt_cli_wrong(&error);
    if (take_directory(words[1], &arguments, &error) < 0 || checkpoint(&arguments, &error) < 0)
        return error.text[0] ? ckpt_cli_fail(&error) : CKPT_EXIT_FAILED;
    return CKPT_EXIT_DONE;
}

const struct ckpt_command ckpt_command_checkpoint = {
    .name = "checkpoint",
    .arguments = "[OPTION ...] PID DIR",
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
        "  --no-rehearsal    do not test that the image can be restored on this machine\n"
        "  --label KEY=VALUE a label of the image, which restore --require-label compares; may be\n"
        "                    repeated\n" CKPT_ALLOWANCE_OPTIONS_HELP CKPT_ENGINE_OPTIONS_HELP "\n"
        "DIR may have patterns such as %p (process ID), %t (time) and %g (generation), which\n"
        "checkpointer(1) lists; %% is a percent sign. The name that they make is printed.\n",
    .run = run,
};
