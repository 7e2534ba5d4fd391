/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer restore DIR: becomes the JVM in the image.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/image_engine.h"
#include "engine/engine.h"

#define POLICIES "jdk.crac.resource-policies=" /* CRaC's name for --policies */

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

/* The arguments, apart: what the environment is made of is only put together when all is known. */
struct arguments {
    struct ckpt_restore_request request;
    const char **variables; /* --env and --env-file, in their order */
    bool *from_file;
    size_t variable_count;
    bool clear_environment, dry_run;
    char **properties;
    size_t property_count;
    struct ckpt_environment environment;
};

static int take_property(char *word, struct arguments *arguments)
{
    size_t policies = strlen(POLICIES);

    if (!*word || *word == '=')
        return ckpt_cli_usage(&ckpt_command_restore, "'-D%s': expected -DKEY=VALUE or -DKEY", word);
    arguments->properties[arguments->property_count++] = word;
    if (strncmp(word, POLICIES, policies) == 0)
        arguments->request.policies = word[policies] ? word + policies : NULL;
    return 0;
}

/* 1 taken, 0 no such option, -1 wrong */
static int take_variable(int argc, char **argv, int *index, struct arguments *arguments)
{
    const char *value;
    int taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--env-file", &value);
    bool from_file = taken > 0;

    if (!taken)
        taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--env", &value);
    if (taken > 0) {
        arguments->variables[arguments->variable_count] = value;
        arguments->from_file[arguments->variable_count++] = from_file;
    }
    return taken;
}

/*
 * How the frozen JVM starts its rehearsal (engine/builtin/freeze/run_rehearsal.c); for no one else.
 */
static int take_rehearsal(int argc, char **argv, int *index, struct arguments *arguments)
{
    int taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--rehearse",
                                &arguments->request.image_name);

    if (taken > 0)
        arguments->dry_run = arguments->request.frozen_runs = true;
    return taken;
}

static int take_word(int argc, char **argv, int *index, struct arguments *arguments)
{
    struct ckpt_restore_request *request = &arguments->request;
    char *word = argv[*index];
    const char *value;
    int taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--time", &value);

    if (taken > 0)
        return set_time(value, request);
    if (!taken)
        taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--policies",
                                &request->policies);
    if (!taken)
        taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--cwd", &request->cwd);
    if (!taken)
        taken = take_rehearsal(argc, argv, index, arguments);
    if (!taken)
        taken = take_variable(argc, argv, index, arguments);
    if (taken)
        return taken < 0 ? CKPT_EXIT_USAGE : 0;
    *index += 1;
    if (strcmp(word, "--verify") == 0)
        request->verify = true;
    else if (strcmp(word, "--allow-changed-files") == 0)
        request->allow_changed_files = true;
    else if (strcmp(word, "--tids") == 0)
        request->same_tids = true;
    else if (strcmp(word, "--dry-run") == 0)
        arguments->dry_run = true;
    else if (strcmp(word, "--clear-env") == 0)
        arguments->clear_environment = true;
    else if (strncmp(word, "-D", 2) == 0)
        return take_property(word + 2, arguments);
    else if (word[0] == '-' && word[1])
        return ckpt_cli_usage(&ckpt_command_restore, "'%s' is not an option", word);
    else if (request->directory)
        return ckpt_cli_usage(&ckpt_command_restore,
                              "'%s' is one argument too many; arguments for the application come "
                              "behind '--', a main class first",
                              word);
    else
        request->directory = word;
    return 0;
}

static int make_environment(struct arguments *arguments, struct ckpt_error *error)
{
    struct ckpt_environment *environment = &arguments->environment;

    if (!arguments->clear_environment && ckpt_environment_begin(environment, environ, error) < 0)
        return -1;
    for (size_t i = 0; i < arguments->variable_count; i++) {
        const char *value = arguments->variables[i];

        if ((arguments->from_file[i] ? ckpt_environment_read(environment, value, error)
                                     : ckpt_environment_set(environment, value, error)) < 0)
            return -1;
    }
    arguments->request.environment = environment->words;
    return 0;
}

static void warn(const char *text)
{
    fprintf(stderr, "checkpointer: warning: %s\n", text);
}

/* Ends at once: after a rehearsal the process is fit for nothing else. */
__attribute__((noreturn)) static void report_success(const struct ckpt_restore_request *request)
{
    if (!request->frozen_runs)
        printf("'%s' would be restored here\n", request->directory);
    _exit(fflush(stdout) == 0 ? CKPT_EXIT_DONE : CKPT_EXIT_FAILED);
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {.request = {.time = CKPT_TIME_AUTO, .warn = warn}};
    struct ckpt_restore_request *request = &arguments.request;
    const struct ckpt_engine *engine;
    struct ckpt_error error;

    request->started_realtime_ns = (uint64_t)ckpt_clock_ns(CLOCK_REALTIME);
    /* No more of each than there are words; the process ends or becomes another one. */
    arguments.variables = calloc((size_t)argc + 1, sizeof *arguments.variables);
    arguments.from_file = calloc((size_t)argc + 1, sizeof *arguments.from_file);
    arguments.properties = calloc((size_t)argc + 1, sizeof *arguments.properties);
    if (!arguments.variables || !arguments.from_file || !arguments.properties) {
        ckpt_error_set(&error, ENOMEM, "cannot read the arguments");
        return ckpt_cli_fail(&error);
    }
    for (int i = 0; i < argc;) {
        if (strcmp(argv[i], "--") == 0) {
            request->arguments = argv + i + 1;
            break;
        }
        if (take_word(argc, argv, &i, &arguments))
            return CKPT_EXIT_USAGE;
    }
    if (!request->directory)
        return ckpt_cli_usage(&ckpt_command_restore, "the image directory is missing");
    if (request->arguments && !*request->arguments)
        return ckpt_cli_usage(&ckpt_command_restore, "behind '--', a main class is missing");
    request->properties = arguments.properties;
    if (make_environment(&arguments, &error) < 0)
        return ckpt_cli_fail(&error);
    engine = ckpt_image_engine(request->directory, request->image_name, &error);
    if (!engine)
        return ckpt_cli_fail(&error);
    if (!arguments.dry_run)
        engine->restore(request, &error);
    else if (engine->rehearse(request, &error) == 0)
        report_success(request);
    return ckpt_cli_fail(&error);
}

const struct ckpt_command ckpt_command_restore = {
    .name = "restore",
    .arguments = "[OPTION ...] DIR [-DKEY=VALUE ...] [-- MAIN-CLASS [ARGUMENT ...]]",
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
        "  -DKEY=VALUE        set a system property, before the afterRestore hooks run\n"
        "  --env KEY=VALUE    set an environment variable; KEY alone: to the value it has here\n"
        "  --env-file FILE    the same for every line of FILE; lines with '#' in front are none\n"
        "  --clear-env        only those two; otherwise this command's environment comes first\n"
        "  --cwd DIR          work in DIR; '--cwd .' is where this command was started. Otherwise "
        "in\n"
        "                     the directory that the JVM had when it was frozen\n"
        "  -- MAIN-CLASS ...  after the hooks, run this class's main with the arguments behind it\n"
        "  --time=auto        clocks continue where they stopped: with CAP_SYS_ADMIN in a time\n"
        "                     namespace, otherwise the JVM's own, by correction (default)\n"
        "  --time=namespace   in a time namespace, which for an ordinary user is inside a user\n"
        "                     namespace with its restrictions; or refuse\n"
        "  --time=host        the machine's own clocks\n"
        "  --policies=FILE    rules for descriptors that were open: docs/policies.md; the same as\n"
        "                     -Djdk.crac.resource-policies=FILE, and the last of both counts\n"
        "  --dry-run          only find out whether a restore would succeed, here and with these\n"
        "                     options; nothing is changed, opened for others or started\n"
        "  --allow-changed-files\n"
        "                     also if files that the JVM had open for writing, or mapped so, were\n"
        "                     written since: it does not know of that\n"
        "  --tids             threads have the identifiers (TIDs) they had, all but the first; "
        "needs\n"
        "                     CAP_CHECKPOINT_RESTORE, and that no other has them\n"
        "  --verify           check every page's checksum first (reads the whole image)\n",
    .run = run,
};
