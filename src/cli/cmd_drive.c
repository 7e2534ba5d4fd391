/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer drive: not documented. An agent starts it, from its own copy of the command, to
 * freeze its JVM with an engine that a command drives, when no command has requested the checkpoint
 * (engine/criu/jvm/criu_job.c). Descriptor 3 is a connection to the agent.
 *
 * It reports like an agent: lines "text REASON" and "failed", or "warning TEXT" and "ready"; then
 * it waits for the offer. The JVM learns the result from the order that it gets. Before "ready",
 * the other JVMs of the tree have had their first half.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/agent_answer.h"
#include "cli/cli.h"
#include "cli/engine_options.h"
#include "cli/jvm_tree.h"

#define CONNECTION 3

struct arguments {
    struct ckpt_freeze_request request;
    struct ckpt_engine_options options;
    bool probe;
};

static int take_word(int argc, char **argv, int *index, struct arguments *arguments)
{
    const char *word = argv[*index], *value;
    int taken =
        ckpt_engine_options_take(&ckpt_command_drive, argc, argv, index, &arguments->options);

    if (!taken) {
        taken = ckpt_cli_option(&ckpt_command_drive, argc, argv, index, "--pid", &value);
        if (taken > 0)
            arguments->request.pid = (pid_t)atoi(value);
    }
    if (taken)
        return taken;
    *index += 1;
    if (strcmp(word, "--probe") == 0)
        arguments->probe = true;
    else if (strcmp(word, "--leave-running") == 0)
        arguments->request.leave_running = true;
    else
        arguments->request.directory = word;
    return 1;
}

static void tell(const char *text)
{
    send(CONNECTION, text, strlen(text), MSG_NOSIGNAL);
}

static int fail(const struct ckpt_error *error)
{
    tell("text ");
    tell(error->text);
    tell("\nfailed\n");
    return CKPT_EXIT_FAILED;
}

/* Whether the JVM continues, or nothing is known of it. */
static bool drive(const struct ckpt_engine *engine, const struct arguments *arguments)
{
    struct ckpt_agent_answer answer;
    struct ckpt_offered offered;
    struct ckpt_error error;
    const char *line;
    enum ckpt_drive_result result;

    ckpt_agent_answer_begin(&answer, CONNECTION);
    line = ckpt_agent_answer_line(&answer);
    if (!line || strncmp(line, "frozen ", 7) != 0 ||
        ckpt_agent_answer_offer(&answer, line, &offered, &error) < 0)
        return true;
    close(CONNECTION);
    result = engine->drive(&arguments->request, &offered, &error);
    ckpt_offered_free(&offered);
    return result != CKPT_DRIVE_ENDED;
}

static void warn(const struct ckpt_jvm_tree *tree)
{
    char text[512];

    if (!ckpt_jvm_tree_warning(tree, text, sizeof text))
        return;
    tell("warning ");
    tell(text);
    tell("\n");
}

static int drive_tree(const struct ckpt_engine *engine, const struct arguments *arguments)
{
    struct ckpt_jvm_tree tree;
    struct ckpt_error error;

    ckpt_jvm_tree_find(arguments->request.pid, false, arguments->options.settings.timeout_s, &tree);
    if (ckpt_jvm_tree_check(&tree, &error) < 0)
        return fail(&error);
    if (!arguments->probe) {
        warn(&tree);
        if (ckpt_jvm_tree_prepare(&tree, false, &error) < 0)
            return fail(&error);
        ckpt_jvm_tree_watch(&tree, -1);
    }
    tell("ready\n");
    if (!arguments->probe && drive(engine, arguments))
        ckpt_jvm_tree_resume(&tree, &error);
    ckpt_jvm_tree_free(&tree);
    return CKPT_EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {.options = CKPT_ENGINE_OPTIONS_NONE};
    const struct ckpt_engine *engine;
    struct ckpt_error error;

    for (int i = 0; i < argc;)
        if (take_word(argc, argv, &i, &arguments) < 0)
            return CKPT_EXIT_USAGE;
    arguments.request.settings = arguments.options.settings;
    engine = ckpt_engine_options_engine(&arguments.options, &error);
    if (!engine)
        return fail(&error);
    if (!engine->drive || !arguments.request.pid || !arguments.request.directory)
        return ckpt_cli_usage(&ckpt_command_drive, "it is only for the agent");
    if (engine->check_drive(&arguments.request, &error) < 0)
        return fail(&error);
    return drive_tree(engine, &arguments);
}

const struct ckpt_command ckpt_command_drive = {
    .name = "drive",
    .arguments = "",
    .summary = "For the agent only",
    .help = "",
    .run = run,
};
