/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer endpoint PID [ADDR]: where a JVM's HTTP endpoint listens; moves, opens or closes it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/agent_request.h"
#include "cli/cli.h"
#include "cli/terminal.h"

#define ADDRESS_MAX 512

static int run(int argc, char **argv)
{
    struct ckpt_agent_progress progress = {.driven = NULL};
    char request[ADDRESS_MAX + 32];
    const char *words[2] = {NULL, NULL};
    struct ckpt_target target;
    struct ckpt_error error;
    int count = 0;

    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1])
            return ckpt_cli_usage(&ckpt_command_endpoint, "'%s' is not an option", argv[i]);
        if (count == 2)
            return ckpt_cli_usage(&ckpt_command_endpoint, "'%s' is one argument too many", argv[i]);
        words[count++] = argv[i];
    }
    if (!count)
        return ckpt_cli_usage(&ckpt_command_endpoint, "the process ID is missing");
    if (ckpt_target_check_pid(words[0], &error) < 0)
        return ckpt_cli_wrong(&error);
    if (words[1] && (!*words[1] || strchr(words[1], '\n') || strlen(words[1]) >= ADDRESS_MAX))
        return ckpt_cli_usage(&ckpt_command_endpoint, "'%s' is not an address", words[1]);
    if (ckpt_target_find(words[0], &target, &error) < 0)
        return ckpt_cli_fail(&error);
    snprintf(request, sizeof request, "endpoint\n%s%s%s\n", words[1] ? "addr=" : "",
             words[1] ? words[1] : "", words[1] ? "\n" : "");
    if (ckpt_agent_request(&target, request, &progress, &error) < 0)
        return error.text[0] ? ckpt_cli_fail(&error) : CKPT_EXIT_FAILED;
    if (!words[1]) {
        ckpt_terminal_put(stdout, progress.address);
        putchar('\n');
    }
    return CKPT_EXIT_DONE;
}

const struct ckpt_command ckpt_command_endpoint = {
    .name = "endpoint",
    .arguments = "PID [ADDR]",
    .summary = "Print where a JVM's HTTP endpoint listens, or change that while the JVM runs",
    .help = "ADDR is HOST[:PORT], [IPV6][:PORT] or unix:PATH, as for the agent's option addr: the\n"
            "endpoint opens there, or moves there. With 'none' it closes. If the new address "
            "cannot be\n"
            "used, the endpoint stays where it is. The agent is loaded into the JVM if the JVM was "
            "not\n"
            "started with it.\n",
    .run = run,
};
