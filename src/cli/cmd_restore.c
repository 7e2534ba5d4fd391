/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer restore DIR: becomes the JVM in the image.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/engine_options.h"
#include "cli/environment.h"
#include "cli/image_engine.h"
#include "cli/jvm_tree.h"
#include "engine/engine.h"
#include "engine/labels.h"

#define POLICIES "jdk.crac.resource-policies=" /* CRaC's name for --policies */
#define LABELS "jdk.crac.require-labels="      /* and for --require-label, as a list */

static int set_time(const char *value, struct ckpt_restore_request *request)
{
    if (strcmp(value, "auto") == 0)
        request->time = CKPT_TIME_AUTO;
    else if (strcmp(value, "namespace") == 0)
        request->time = CKPT_TIME_NAMESPACE;
    else if (strcmp(value, "host") == 0)
        request->time = CKPT_TIME_HOST;
    else if (strcmp(value, "elapsed") == 0)
        request->time = CKPT_TIME_ELAPSED;
    else
        return ckpt_cli_usage(&ckpt_command_restore,
                              "'--time=%s': expected auto, namespace, host or elapsed", value);
    return 0;
}

static int set_missing(const char *value, struct ckpt_restore_request *request)
{
    if (strcmp(value, "refuse") && strcmp(value, "exception"))
        return ckpt_cli_usage(&ckpt_command_restore, "'--missing=%s': expected refuse or exception",
                              value);
    request->missing_as_exception = strcmp(value, "exception") == 0;
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
    char **required; /* values of --require-label, and then the labels of the property */
    size_t required_count;
    const char *label_list; /* the value of the property; NULL: none */
    struct ckpt_labels property_labels;
    const char *new_image;
    char new_image_path[PATH_MAX];
    struct ckpt_environment environment;
    struct ckpt_engine_options engine;
};

static int take_property(char *word, struct arguments *arguments)
{
    size_t policies = strlen(POLICIES);

    if (!*word || *word == '=')
        return ckpt_cli_usage(&ckpt_command_restore, "'-D%s': expected -DKEY=VALUE or -DKEY", word);
    arguments->properties[arguments->property_count++] = word;
    if (strncmp(word, POLICIES, policies) == 0)
        arguments->request.policies = word[policies] ? word + policies : NULL;
    if (strncmp(word, LABELS, strlen(LABELS)) == 0)
        arguments->label_list = word + strlen(LABELS);
    return 0;
}

static int needs_value(const char *option)
{
    ckpt_cli_usage(&ckpt_command_restore, "option '%s' needs a value", option);
    return -1;
}

/* Take --policies or --cwd, with the results of ckpt_cli_option(). */
static int take_path(int argc, char **argv, int *index, struct ckpt_restore_request *request)
{
    int taken =
        ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--policies", &request->policies);

    if (taken > 0 && !*request->policies)
        return needs_value("--policies");
    if (!taken) {
        taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--cwd", &request->cwd);
        if (taken > 0 && !*request->cwd)
            return needs_value("--cwd");
    }
    return taken;
}

/* Take --env or --env-file, with the results of ckpt_cli_option(). */
static int take_variable(int argc, char **argv, int *index, struct arguments *arguments)
{
    const char *value;
    int taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--env-file", &value);
    bool from_file = taken > 0;

    if (!taken)
        taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--env", &value);
    if (taken > 0 && !from_file && (!*value || *value == '=')) {
        ckpt_cli_usage(&ckpt_command_restore,
                       "'%s' has no variable name; expected KEY=VALUE or KEY", value);
        return -1;
    }
    if (taken > 0 && from_file && !*value)
        return needs_value("--env-file");
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

/* Take --image or --require-label, with the results of ckpt_cli_option(). */
static int take_image_option(int argc, char **argv, int *index, struct arguments *arguments)
{
    const char *label;
    int taken =
        ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--image", &arguments->new_image);

    if (taken)
        return taken;
    taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--require-label", &label);
    if (taken > 0)
        arguments->required[arguments->required_count++] = (char *)label;
    return taken;
}

/* getenv() that remembers whether a variable was not set: this is no fault of the arguments. */
static bool variable_missing;
static char *get_variable(const char *name)
{
    char *value = getenv(name);

    variable_missing |= !value;
    return value;
}

/* The values by themselves. The labels by the rules for those of an image. */
static int check_values(struct arguments *arguments, struct ckpt_error *error)
{
    struct ckpt_labels labels = {.count = 0};

    for (size_t i = 0; i < arguments->required_count; i++)
        if (ckpt_labels_add(&labels, arguments->required[i], error) < 0)
            return -1;
    if (arguments->label_list &&
        ckpt_labels_add_list(&arguments->property_labels, arguments->label_list, get_variable,
                             error) < 0)
        return ckpt_error_prefix(error, "-D" LABELS "%s", arguments->label_list);
    return arguments->new_image ? ckpt_cli_check_image_name(arguments->new_image, error) : 0;
}

static int set_image_options(struct arguments *arguments, struct ckpt_error *error)
{
    const struct ckpt_labels *of_property = &arguments->property_labels;
    char *word = arguments->property_labels.words;

    for (uint32_t i = 0; i < of_property->count; i++, word += strlen(word) + 1)
        arguments->required[arguments->required_count++] = word;
    arguments->request.required_labels = arguments->required;
    if (!arguments->new_image)
        return 0;
    arguments->request.new_image = arguments->new_image_path;
    return ckpt_cli_image_directory(arguments->new_image, arguments->new_image_path, error);
}

/* --detach: what runs. */
static void print_pid(pid_t pid)
{
    printf("%d\n", pid);
    fflush(stdout);
}

static void report_failure(const struct ckpt_error *error)
{
    ckpt_cli_fail(error);
}

/*
 * The JVM has its own way to its hooks. JVMs below it get their second half from a process that
 * this one, which passes signals on to the JVM, does not wait for.
 */
static void resume_tree(const struct ckpt_restore_request *request, pid_t pid)
{
    struct ckpt_jvm_tree tree;
    pid_t child = fork();

    if (child > 0)
        waitpid(child, NULL, 0);
    if (child != 0)
        return;
    if (fork() != 0)
        _exit(0);
    setsid();
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
    ckpt_jvm_tree_find(pid, false, request->settings.timeout_s, &tree);
    ckpt_jvm_tree_restored(&tree, report_failure);
    _exit(0);
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
        taken = ckpt_cli_option(&ckpt_command_restore, argc, argv, index, "--missing", &value);
    if (taken > 0)
        return set_missing(value, request);
    if (!taken)
        taken = take_path(argc, argv, index, request);
    if (!taken)
        taken = take_image_option(argc, argv, index, arguments);
    if (!taken)
        taken =
            ckpt_engine_options_take(&ckpt_command_restore, argc, argv, index, &arguments->engine);
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
    else if (strcmp(word, "--keep-start-time") == 0)
        request->keep_start_time = true;
    else if (strcmp(word, "--detach") == 0)
        request->detached = print_pid;
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

/* The image decides which engine restores it; options for another one would have no effect. */
static int check_engine(const struct ckpt_engine *engine, struct arguments *arguments,
                        struct ckpt_error *error)
{
    const struct ckpt_engine *chosen = ckpt_engine_options_engine(&arguments->engine, error);

    if (!chosen)
        return -1;
    arguments->request.settings = arguments->engine.settings;
    if (strcmp(arguments->engine.engine, "auto") != 0 && chosen != engine)
        return ckpt_error_set(error, 0,
                              "the image was made by the engine '%s', which also restores it; "
                              "restore it without '--engine'",
                              engine->name);
    if (engine->drive || (!arguments->engine.given && !arguments->request.detached))
        return 0;
    return ckpt_error_set(error, 0,
                          "the image was made by the engine '%s', and %s is for images of 'criu'; "
                          "restore it without that option",
                          engine->name,
                          arguments->request.detached ? "'--detach'" : "an option '--criu...'");
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {
        .request = {.time = CKPT_TIME_AUTO, .warn = warn, .restored = resume_tree},
        .engine = CKPT_ENGINE_OPTIONS_NONE};
    struct ckpt_restore_request *request = &arguments.request;
    const struct ckpt_engine *engine;
    struct ckpt_error error;

    request->started_realtime_ns = (uint64_t)ckpt_clock_ns(CLOCK_REALTIME);
    /* Each has at most argc entries. Never freed: the process ends or becomes the JVM. */
    arguments.variables = calloc((size_t)argc + 1, sizeof *arguments.variables);
    arguments.from_file = calloc((size_t)argc + 1, sizeof *arguments.from_file);
    arguments.properties = calloc((size_t)argc + 1, sizeof *arguments.properties);
    arguments.required = calloc((size_t)argc + 1 + CKPT_LABELS_COUNT, sizeof *arguments.required);
    if (!arguments.variables || !arguments.from_file || !arguments.properties ||
        !arguments.required) {
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
    if (!request->directory || !*request->directory)
        return ckpt_cli_usage(&ckpt_command_restore, "the image directory is missing");
    if (request->arguments && !*request->arguments)
        return ckpt_cli_usage(&ckpt_command_restore, "the main class after '--' is missing");
    request->properties = arguments.properties;
    if (arguments.engine.given && strcmp(arguments.engine.engine, "builtin") == 0)
        return ckpt_engine_options_conflict(&ckpt_command_restore);
    if (check_values(&arguments, &error) < 0)
        return variable_missing ? ckpt_cli_fail(&error) : ckpt_cli_wrong(&error);
    if (set_image_options(&arguments, &error) < 0 || make_environment(&arguments, &error) < 0)
        return ckpt_cli_fail(&error);
    engine = ckpt_image_engine(request->directory, request->image_name, &error);
    if (!engine)
        return ckpt_cli_fail(&error);
    if (check_engine(engine, &arguments, &error) < 0)
        return ckpt_cli_fail(&error);
    if (arguments.dry_run && engine->rehearse(request, &error) == 0)
        report_success(request);
    if (!arguments.dry_run && engine->restore(request, &error) == 0)
        return CKPT_EXIT_DONE;
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
        "  --image DIR        write later images to DIR, not where the frozen JVM would have\n"
        "                     written them; with patterns, as for 'checkpoint'\n"
        "  --require-label KEY=VALUE\n"
        "                     refuse an image that does not have this label; may be repeated\n"
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
        "  --time=elapsed     as auto, but the time since the checkpoint has passed, by the wall "
        "clock\n"
        "  --keep-start-time  RuntimeMXBean shows the start time and uptime of the first process, "
        "not\n"
        "                     those of the restored one\n"
        "  --policies=FILE    rules for the image's descriptors (docs/policies.md); the same as\n"
        "                     -Djdk.crac.resource-policies=FILE, the last of both counts\n"
        "  --dry-run          only test whether a restore would succeed, here and with these\n"
        "                     options, with no effect that others can see\n"
        "  --allow-changed-files\n"
        "                     restore even if files that the JVM had open or mapped for writing\n"
        "                     have changed since; the JVM does not know about the changes\n"
        "  --missing=exception\n"
        "                     a file that cannot be opened again is no reason for a refusal: the "
        "JVM\n"
        "                     gets a RestoreException that names it, and its descriptor is dead\n"
        "  --tids             threads keep their identifiers (TIDs), except the first thread; "
        "needs\n"
        "                     CAP_CHECKPOINT_RESTORE, and that the identifiers are free\n"
        "  --verify           compare the checksums of all pages first (reads the whole image)\n"
        "  --detach           for an image of criu: print the JVM's process ID, and end\n"
        "  --criu PATH, --criu-option O, --criu-timeout S\n"
        "                     for an image of criu, as for 'checkpoint'\n",
    .run = run,
};
