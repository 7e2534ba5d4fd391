/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer restore DIR: becomes the JVM in the image.
 */
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "engine/engine.h"

static int set_time(const char *value, struct ckpt_restore_request *request)
{
    if (strcmp(value, "auto") == 0)
        request->time = CKPT_TIME_AUTO;
    else if (strcmp(value, "namespace") == 0)
        request->time = CKPT_TIME_NAMESPACE;
    else if (strcmp(value, "host") == 0)
        request->time = CKPT_TIME_HOST;
    else
        return ckpt_cli_usage(&ckpt_command_restore,
                              "'--time=%s': expected auto, namespace or host", value);
    return 0;
}

static int run(int argc, char **argv)
{
    struct ckpt_restore_request request = {.time = CKPT_TIME_AUTO};
    struct ckpt_error error;
    struct timespec now;
    const char *value;

    clock_gettime(CLOCK_REALTIME, &now);
    request.started_realtime_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
    for (int i = 0; i < argc;) {
        int taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, &i, "--time", &value);

        if (taken < 0 || (taken > 0 && set_time(value, &request)))
            return CKPT_EXIT_USAGE;
        if (taken == 0)
            taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, &i, "--policies",
                                    &request.policies);
        if (taken < 0)
            return CKPT_EXIT_USAGE;
        if (taken > 0)
            continue;
        if (strcmp(argv[i], "--verify") == 0)
            request.verify = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return ckpt_cli_usage(&ckpt_command_restore, "'%s' is not an option", argv[i]);
        else if (request.directory)
            return ckpt_cli_usage(&ckpt_command_restore, "'%s' is one argument too many", argv[i]);
        else
            request.directory = argv[i];
        i++;
    }
    if (!request.directory)
        return ckpt_cli_usage(&ckpt_command_restore, "the image directory is missing");
    ckpt_engine_builtin.restore(&request, &error);
    return ckpt_cli_fail(&error);
}

const struct ckpt_command ckpt_command_restore = {
    .name = "restore",
    .arguments = "[--time=MODE] [--policies=FILE] [--verify] DIR",
    .summary = "Bring back the JVM that was frozen into the image directory DIR",
    .help =
        "This command becomes the JVM: same process ID, standard streams, terminal and parent;\n"
        "signals reach it, and it ends with the JVM's exit status. Everything is checked first: "
        "the\n"
        "image, this machine, every file that the JVM has open or mapped. What does not fit is\n"
        "refused in one line, with nothing started.\n\n"
        "The image stays as it is and may be restored any number of times, also at once. It must\n"
        "not be changed while a JVM restored from it runs (a new checkpoint replaces it "
        "safely).\n\n"
        "  --time=auto        clocks go on where they stopped, in a time namespace, where the "
        "kernel\n"
        "                     allows one; otherwise they jump ahead (default)\n"
        "  --time=namespace   or refuse\n"
        "  --time=host        the machine's own clocks\n"
        "  --policies=FILE    rules for descriptors that were open: docs/policies.md\n"
        "  --verify           check every page's checksum first (reads the whole image)\n",
    .run = run,
};
