/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer prepare PID, checkpointer resume PID: the two halves of a checkpoint around a freeze
 * by another program, such as CRIU run by a script.
 */
#include <string.h>

#include "cli/agent_request.h"
#include "cli/cli.h"

static int send_request(const struct ckpt_command *command, const char *pid, const char *request)
{
    struct ckpt_agent_progress progress = {.driven = NULL};
    struct ckpt_target target;
    struct ckpt_error error;

    if (!pid)
        return ckpt_cli_usage(command, "the process ID is missing");
    if (ckpt_target_check_pid(pid, &error) < 0)
        return ckpt_cli_wrong(&error);
    if (ckpt_target_find(pid, &target, &error) < 0 ||
        ckpt_target_check_running(&target, &error) < 0)
        return ckpt_cli_fail(&error);
    if (ckpt_agent_request(&target, request, &progress, &error) < 0)
        return error.text[0] ? ckpt_cli_fail(&error) : CKPT_EXIT_FAILED;
    return CKPT_EXIT_DONE;
}

/* Read PID and the one option of the command. 0, or -1 after an error message. */
static int parse(const struct ckpt_command *command, int argc, char **argv, const char *option,
                 bool *ret_option, const char **ret_pid)
{
    *ret_option = false;
    *ret_pid = NULL;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], option) == 0) {
            *ret_option = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            ckpt_cli_usage(command, "'%s' is not an option", argv[i]);
            return -1;
        } else if (*ret_pid) {
            ckpt_cli_usage(command, "'%s' is one argument too many", argv[i]);
            return -1;
        } else {
            *ret_pid = argv[i];
        }
    }
    return 0;
}

static int run_prepare(int argc, char **argv)
{
    const char *pid;
    bool no_gc;

    if (parse(&ckpt_command_prepare, argc, argv, "--no-gc", &no_gc, &pid) < 0)
        return CKPT_EXIT_USAGE;
    return send_request(&ckpt_command_prepare, pid, no_gc ? "prepare\ngc=0\n\n" : "prepare\n\n");
}

static int run_resume(int argc, char **argv)
{
    const char *pid;
    bool restored;

    if (parse(&ckpt_command_resume, argc, argv, "--restored", &restored, &pid) < 0)
        return CKPT_EXIT_USAGE;
    return send_request(&ckpt_command_resume, pid,
                        restored ? "resume\nrestored=1\n\n" : "resume\n\n");
}

const struct ckpt_command ckpt_command_prepare = {
    .name = "prepare",
    .arguments = "[--no-gc] PID",
    .summary = "Before another program freezes the JVM: call the beforeCheckpoint hooks",
    .help =
        "Then collects garbage, and closes the connections of idle clients of the agent. The JVM\n"
        "continues; freeze it with 'criu dump' or another tool, and request 'checkpointer resume'\n"
        "of the restored one, or of this one if the freeze failed. Without that, the first half "
        "is\n"
        "undone after the time of the agent's option undo_timeout.\n\n"
        "  --no-gc   do not collect garbage\n",
    .run = run_prepare,
};

const struct ckpt_command ckpt_command_resume = {
    .name = "resume",
    .arguments = "[--restored] PID",
    .summary = "After another program has restored the JVM: call the afterRestore hooks",
    .help =
        "Also if the freeze failed and the JVM continues. Whether the JVM was restored, the agent\n"
        "sees by its start time; then random generators and what else must differ between clones\n"
        "is renewed first, and the HTTP endpoint closes, unless it has shutdown=false.\n\n"
        "  --restored   it was restored by means that keep the start time, such as a snapshot of\n"
        "               a virtual machine\n",
    .run = run_resume,
};
