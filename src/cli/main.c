/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer: finds the subcommand and passes it the arguments.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/terminal.h"

#define HOOK "checkpointer-criu-hook" /* criu starts its action script without arguments */

static const struct ckpt_command *const commands[] = {
    &ckpt_command_run,   &ckpt_command_checkpoint, &ckpt_command_restore, &ckpt_command_inspect,
    &ckpt_command_check, &ckpt_command_prepare,    &ckpt_command_resume,  &ckpt_command_endpoint,
};

int ckpt_cli_fail(const struct ckpt_error *error)
{
    fputs("checkpointer: ", stderr);
    ckpt_terminal_put(stderr, error->text);
    fputc('\n', stderr);
    return CKPT_EXIT_FAILED;
}

int ckpt_cli_wrong(const struct ckpt_error *error)
{
    ckpt_cli_fail(error);
    return CKPT_EXIT_USAGE;
}

int ckpt_cli_usage(const struct ckpt_command *command, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "checkpointer %s: ", command->name);
    ckpt_terminal_put(stderr, text);
    fprintf(stderr, "; see 'checkpointer %s --help'\n", command->name);
    return CKPT_EXIT_USAGE;
}

int ckpt_cli_option(const struct ckpt_command *command, int argc, char **argv, int *index,
                    const char *name, const char **ret_value)
{
    const char *word = argv[*index];
    size_t length = strlen(name);

    if (strncmp(word, name, length) != 0)
        return 0;
    if (word[length] == '=') {
        *ret_value = word + length + 1;
        *index += 1;
        return 1;
    }
    if (word[length])
        return 0;
    if (*index + 1 >= argc) {
        ckpt_cli_usage(command, "option '%s' needs a value", name);
        return -1;
    }
    *ret_value = argv[*index + 1];
    *index += 2;
    return 1;
}

static void help(FILE *to)
{
    fprintf(to, "usage: checkpointer COMMAND ...\n\n"
                "Freezes a running JVM into an image directory and restores it.\n\n");
    for (size_t i = 0; i < CKPT_COUNT(commands); i++)
        fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to,
            "\n'checkpointer COMMAND --help' and checkpointer(1) have the details.\n"
            "Exit status: 0 success, 1 failure (with the reason), 2 wrong arguments; 'run' and\n"
            "'restore' have the exit status of the JVM.\n");
}

static const struct ckpt_command *find(const char *name)
{
    for (size_t i = 0; i < CKPT_COUNT(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    if (strcmp(name, ckpt_command_drive.name) == 0)
        return &ckpt_command_drive; /* not in the list, because it is for the agent only */
    return NULL;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static const char *program_name(char **argv)
{
    const char *slash = argv[0] ? strrchr(argv[0], '/') : NULL;

    return slash ? slash + 1 : argv[0] ? argv[0] : "";
}

int main(int argc, char **argv)
{
    const struct ckpt_command *command;
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(program_name(argv), HOOK) == 0)
        return ckpt_criu_hook();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return CKPT_EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("checkpointer %s\n", CKPT_VERSION);
        return CKPT_EXIT_DONE;
    }
    command = find(name);
    if (!command) {
        if (*name) {
            fputs("checkpointer: '", stderr);
            ckpt_terminal_put(stderr, name);
            fputs("' is not a command\n\n", stderr);
        }
        help(stderr);
        return CKPT_EXIT_USAGE;
    }
    if (wants_help(argc - 2, argv + 2)) {
        printf("usage: checkpointer %s %s\n\n%s.\n\n%s", command->name, command->arguments,
               command->summary, command->help);
        return CKPT_EXIT_DONE;
    }
    return command->run(argc - 2, argv + 2);
}
