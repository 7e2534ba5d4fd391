/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer run -- java ...: starts a JVM with the agent, by exec, so that process ID, signals
 * and exit status are the JVM's own.
 */
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "cli/allowance_options.h"
#include "cli/cli.h"
#include "cli/engine_options.h"

/* Append "key=value" to the agent's options, with commas and backslashes escaped. */
static int add_option(char *options, size_t size, const char *key, const char *value,
                      struct ckpt_error *error)
{
    size_t length = strlen(options);

    length += (size_t)snprintf(options + length, size - length, "%s%s=", length ? "," : "=", key);
    for (; *value && length + 3 < size; value++) {
        if (*value == ',' || *value == '\\')
            options[length++] = '\\';
        options[length++] = *value;
    }
    options[length] = '\0';
    if (*value)
        return ckpt_error_set(error, ENAMETOOLONG, "the agent's options");
    return 0;
}

static int add_image(char *options, size_t size, const char *directory, struct ckpt_error *error)
{
    char path[PATH_MAX];

    return ckpt_cli_image_directory(directory, path, error) < 0
               ? -1
               : add_option(options, size, "image", path, error);
}

/* --option KEY=VALUE. The agent checks key and value. */
static int add_agent_option(char *options, size_t size, const char *given, struct ckpt_error *error)
{
    char key[32];
    const char *value = strchr(given, '=');

    if (!value || value == given || value - given >= (ptrdiff_t)sizeof key)
        return ckpt_error_set(error, 0, "'--option=%s': expected KEY=VALUE, an option of the agent",
                              given);
    snprintf(key, sizeof key, "%.*s", (int)(value - given), given);
    return add_option(options, size, key, value + 1, error);
}

/* The options that name an engine, as options of the agent. */
static int add_engine_options(char *options, size_t size, const struct ckpt_engine_options *engine,
                              struct ckpt_error *error)
{
    const struct ckpt_engine_settings *settings = &engine->settings;
    char seconds[16];

    if (!ckpt_engine_options_engine(engine, error))
        return -1;
    snprintf(seconds, sizeof seconds, "%u", settings->timeout_s);
    if ((strcmp(engine->engine, "auto") != 0 &&
         add_option(options, size, "engine", engine->engine, error) < 0) ||
        (settings->program && add_option(options, size, "criu", settings->program, error) < 0) ||
        (settings->timeout_s && add_option(options, size, "criu_timeout", seconds, error) < 0) ||
        (settings->tcp_established &&
         add_option(options, size, "tcp_established", "true", error) < 0))
        return -1;
    for (size_t i = 0; i < engine->count; i++)
        if (add_option(options, size, "criu_option", engine->words[i], error) < 0)
            return -1;
    return 0;
}

static int add_allowance_options(char *options, size_t size, struct ckpt_allowance_options *given,
                                 struct ckpt_error *error)
{
    char value[16];

    if (ckpt_allowance_options_read(given, error) < 0 ||
        (given->policies && add_option(options, size, "policies", given->policies, error) < 0))
        return -1;
    for (size_t i = 0; ckpt_allowance_key(i); i++)
        if (ckpt_allowance_value(&given->allowance, i, value) &&
            add_option(options, size, ckpt_allowance_key(i)->key, value, error) < 0)
            return -1;
    return 0;
}

/* A wrong path or option would be found only at the checkpoint. */
static int check_settings(const struct ckpt_engine_options *engine, struct ckpt_error *error)
{
    const struct ckpt_engine *other;

    for (size_t i = 0; (other = ckpt_engine_at(i)); i++)
        if (other->check_settings && other->check_settings(&engine->settings, error) < 0)
            return -1;
    return 0;
}

static bool is_java(const char *command)
{
    const char *slash = strrchr(command, '/');

    return strcmp(slash ? slash + 1 : command, "java") == 0;
}

/*
 * Descriptors that a terminal or a build tool left open are not used by the JVM and would prevent a
 * checkpoint: they are closed by the exec, except those of systemd's socket activation.
 */
static void close_inherited_on_exec(void)
{
    const char *passed = getenv("LISTEN_FDS");
    unsigned first = 3 + (passed ? (unsigned)atoi(passed) : 0);

    syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC);
}

/*
 * @word quoted as one word of JAVA_TOOL_OPTIONS. The JVM splits that variable at blanks and removes
 *     quotes; a backslash has no special meaning in it.
 */
static char *quoted(const char *word)
{
    char *text = malloc(3 * strlen(word) + 1), *at = text;

    for (; text && *word; word++) {
        char quote = *word == '"' ? '\'' : '"';

        if (!strchr(" \t\n\r\v\f\"'", *word)) {
            *at++ = *word;
            continue;
        }
        *at++ = quote;
        *at++ = *word;
        *at++ = quote;
    }
    if (text)
        *at = '\0';
    return text;
}

/*
 * Start the command: java gets the agent as its first argument, any other command through the
 * environment.
 */
static int start(char **command, int count, const char *agent, struct ckpt_error *error)
{
    ckpt_auto_free char **words = calloc((size_t)count + 2, sizeof *words);
    ckpt_auto_free char *environment = NULL;
    const char *before = getenv("JAVA_TOOL_OPTIONS");
    int length = 0;

    if (!words)
        return ckpt_error_set(error, ENOMEM, "cannot start '%s'", command[0]);
    words[length++] = command[0];
    if (is_java(command[0])) {
        words[length++] = (char *)agent;
    } else {
        ckpt_auto_free char *word = quoted(agent);

        if (!word ||
            asprintf(&environment, "%s%s%s", before ? before : "", before ? " " : "", word) < 0)
            return ckpt_error_set(error, ENOMEM, "cannot start '%s'", command[0]);
        setenv("JAVA_TOOL_OPTIONS", environment, 1);
    }
    for (int i = 1; i < count; i++)
        words[length++] = command[i];
    close_inherited_on_exec();
    execvp(command[0], words);
    return ckpt_error_set(error, errno, "cannot start '%s'", command[0]);
}

/*
 * Take --image, --option or --no-gc and move *index after it, with its value as an option of the
 * agent. 0, or an exit status: an error was printed.
 */
static int take_own(int argc, char **argv, int *index, char *options, size_t size)
{
    struct ckpt_error error;
    const char *value;
    int taken = ckpt_cli_option(&ckpt_command_run, argc, argv, index, "--image", &value);

    if (taken > 0 && !*value)
        return ckpt_cli_usage(&ckpt_command_run, "'--image' needs a directory");
    if (taken > 0 && ckpt_cli_check_image_name(value, &error) < 0)
        return ckpt_cli_wrong(&error);
    if (taken > 0)
        return add_image(options, size, value, &error) < 0 ? ckpt_cli_fail(&error) : 0;
    if (!taken)
        taken = ckpt_cli_option(&ckpt_command_run, argc, argv, index, "--option", &value);
    if (taken > 0)
        return add_agent_option(options, size, value, &error) < 0 ? ckpt_cli_wrong(&error) : 0;
    if (taken < 0)
        return CKPT_EXIT_USAGE;
    if (strcmp(argv[*index], "--no-gc") != 0)
        return ckpt_cli_usage(&ckpt_command_run, "'%s' is not an option", argv[*index]);
    *index += 1;
    return add_option(options, size, "gc", "false", &error) < 0 ? ckpt_cli_wrong(&error) : 0;
}

static int run(int argc, char **argv)
{
    char library[PATH_MAX], options[4 * PATH_MAX] = "", agent[5 * PATH_MAX + 32];
    struct ckpt_engine_options engine = CKPT_ENGINE_OPTIONS_NONE;
    struct ckpt_allowance_options allowance = {.policies = NULL};
    struct ckpt_error error;
    int i = 0;

    while (i < argc && strcmp(argv[i], "--") != 0 && argv[i][0] == '-') {
        int taken = ckpt_engine_options_take(&ckpt_command_run, argc, argv, &i, &engine), wrong;

        if (!taken)
            taken = ckpt_allowance_options_take(&ckpt_command_run, argc, argv, &i, &allowance);
        if (taken < 0)
            return CKPT_EXIT_USAGE;
        if (!taken && (wrong = take_own(argc, argv, &i, options, sizeof options)))
            return wrong;
    }
    if (i < argc && strcmp(argv[i], "--") == 0)
        i++;
    if (i >= argc)
        return ckpt_cli_usage(&ckpt_command_run, "the command to run is missing (-- java ...)");
    if (ckpt_allowance_options_given(&allowance) && strcmp(engine.engine, "criu") == 0)
        return ckpt_allowance_options_conflict(&ckpt_command_run);
    if (add_engine_options(options, sizeof options, &engine, &error) < 0 ||
        add_allowance_options(options, sizeof options, &allowance, &error) < 0)
        return ckpt_cli_wrong(&error);
    if (check_settings(&engine, &error) < 0 ||
        ckpt_target_find_library(library, sizeof library, &error) < 0)
        return ckpt_cli_fail(&error);
    snprintf(agent, sizeof agent, "-agentpath:%s%s", library, options);
    start(argv + i, argc - i, agent, &error);
    return ckpt_cli_fail(&error);
}

const struct ckpt_command ckpt_command_run = {
    .name = "run",
    .arguments = "[OPTION ...] -- java ...",
    .summary = "Start a JVM that can be frozen",
    .help =
        "Starts the command with the agent: as an argument if the command is 'java', otherwise\n"
        "through JAVA_TOOL_OPTIONS. Process ID, signals and exit status are the command's.\n"
        "Descriptors above 2 are not passed on, except those that LISTEN_FDS announces.\n\n"
        "  --image DIR         where Core.checkpointRestore() writes the image; may have patterns "
        "such\n"
        "                      as %p (process ID), %t (time) and %g (generation)\n"
        "  --no-gc             no collection before a checkpoint: quicker, and a larger image\n"
        "  --option KEY=VALUE  an option of the agent, such as hook_timeout=30; may be "
        "repeated\n" CKPT_ALLOWANCE_OPTIONS_HELP CKPT_ENGINE_OPTIONS_HELP,
    .run = run,
};
