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

/* The parsed arguments. The environment is made when all are parsed. */
struct arguments {
    struct ckpt_restore_request request;
    const char **variables; /* values of --env and --env-file, in order */
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

/* Take --env or --env-file, with the results of ckpt_cli_option(). */
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
 * --rehearse is not documented: the frozen JVM passes it to the rehearsal that it starts
 * (engine/builtin/freeze/run_rehearsal.c).
 */
static int take_rehearsal(int argc, char **argv, int *index, struct arguments *arguments)
{
    int taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--rehearse",
                                &arguments->request.image_name);

    if (taken > 0)
        arguments->dry_run = arguments->request.original_runs = true;
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
                              "'%s' is one argument too many; a main class and its arguments come "
                              "after '--'",
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

/* Uses _exit(): after a rehearsal, descriptors and working directory are those of the image. */
__attribute__((noreturn)) static void report_success(const struct ckpt_restore_request *request)
{
    if (!request->original_runs)
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
    /* Each has at most argc entries. Never freed: the process ends or becomes the JVM. */
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
        return ckpt_cli_usage(&ckpt_command_restore, "the main class after '--' is missing");
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
    .summary = "Restore the JVM that was frozen into the image directory DIR",
    .help =
        "This command becomes the JVM: process ID, standard streams, terminal and parent stay the\n"
        "same, signals reach the JVM, and the exit status is the JVM's. The image, this machine "
        "and\n"
        "every file that the JVM has open or mapped are checked first. A restore that is refused\n"
        "says why in one line and has started nothing.\n\n"
        "The image may be restored any number of times, also at once. It must not be changed "
        "while a\n"
        "JVM that was restored from it runs; a new checkpoint replaces it safely.\n\n"
        "  -DKEY=VALUE        set a system property, before the afterRestore hooks run\n"
        "  --env KEY=VALUE    set an environment variable; KEY alone: to the value it has here\n"
        "  --env-file FILE    the same for every line of FILE, except lines that begin with '#'\n"
        "  --clear-env        start with an empty environment, not with that of this command\n"
        "  --cwd DIR          work in DIR, relative to where this command was started; without "
        "this\n"
        "                     option, in the directory in which the JVM was frozen\n"
        "  -- MAIN-CLASS ...  after the hooks, run this class's main() with these arguments\n"
        "  --time=auto        monotonic clocks continue where they stopped: with CAP_SYS_ADMIN in "
        "a\n"
        "                     time namespace, otherwise the JVM's clock calls are corrected "
        "(default)\n"
        "  --time=namespace   use a time namespace, or refuse; for an ordinary user it is inside "
        "a\n"
        "                     user namespace, with restrictions\n"
        "  --time=host        the machine's own clocks\n"
        "  --policies=FILE    rules for the image's descriptors (docs/policies.md); the same as\n"
        "                     -Djdk.crac.resource-policies=FILE, the last of both counts\n"
        "  --dry-run          only test whether a restore would succeed, here and with these\n"
        "                     options, with no effect that others can see\n"
        "  --allow-changed-files\n"
        "                     restore even if files that the JVM had open or mapped for writing\n"
        "                     have changed since; the JVM does not know about the changes\n"
        "  --tids             threads keep their identifiers (TIDs), except the first thread; "
        "needs\n"
        "                     CAP_CHECKPOINT_RESTORE, and that the identifiers are free\n"
        "  --verify           compare the checksums of all pages first (reads the whole image)\n",
    .run = run,
};
