/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See allowance_options.h. The command reads the policy file, and sends its text: the JVM may be of
 * another user, or have another root directory.
 */
#include "cli/allowance_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/policy_file.h"

/* ckpt_cli_option(), and an error for an empty value. */
static int take(const struct ckpt_command *command, int argc, char **argv, int *index,
                const char *name, const char **ret_value)
{
    int taken = ckpt_cli_option(command, argc, argv, index, name, ret_value);

    if (taken <= 0 || **ret_value)
        return taken;
    ckpt_cli_usage(command, "option '%s' needs a value", name);
    return -1;
}

int ckpt_allowance_options_take(const struct ckpt_command *command, int argc, char **argv,
                                int *index, struct ckpt_allowance_options *options)
{
    int taken = take(command, argc, argv, index, "--policies", &options->policies);
    const struct ckpt_allowance_key *key;
    struct ckpt_error error;
    const char *value;

    for (size_t i = 0; !taken && (key = ckpt_allowance_key(i)); i++) {
        taken = take(command, argc, argv, index, key->option, &value);
        if (taken > 0 && ckpt_allowance_set(&options->allowance, key->key, value, &error) < 0) {
            ckpt_cli_usage(command, "'%s=%s': %s", key->option, value, error.text);
            return -1;
        }
    }
    return taken;
}

bool ckpt_allowance_options_given(const struct ckpt_allowance_options *options)
{
    bool given = options->policies;
    char value[16];

    for (size_t i = 0; ckpt_allowance_key(i); i++)
        given |= ckpt_allowance_value(&options->allowance, i, value);
    return given;
}

int ckpt_allowance_options_conflict(const struct ckpt_command *command)
{
    return ckpt_cli_usage(command, "--policies, --connections, --children and --tmp-files are for "
                                   "the built-in engine: criu keeps children, and connections with "
                                   "--tcp-established");
}

int ckpt_allowance_options_read(struct ckpt_allowance_options *options, struct ckpt_error *error)
{
    ckpt_auto_free struct ckpt_policies *policies = NULL;
    long size;

    if (!options->policies)
        return 0;
    if (strchr(options->policies, '\n'))
        return ckpt_error_set(error, 0,
                              "the policy file has a newline in its name; use another name");
    policies = malloc(sizeof *policies);
    options->text = malloc(CKPT_POLICY_TEXT);
    if (!policies || !options->text)
        return ckpt_error_set(error, ENOMEM, "cannot read the policy file");
    size = ckpt_policies_read_text(options->policies, options->text, error);
    if (size < 0)
        return -1;
    options->size = (size_t)size;
    return ckpt_policies_parse(policies, options->policies, options->text, options->size, error);
}

void ckpt_allowance_options_end(const struct ckpt_allowance_options *options, FILE *to)
{
    char value[16];

    for (size_t i = 0; ckpt_allowance_key(i); i++)
        if (ckpt_allowance_value(&options->allowance, i, value))
            fprintf(to, "%s=%s\n", ckpt_allowance_key(i)->key, value);
    if (options->text)
        fprintf(to, "policies=%zu %s\n", options->size, options->policies);
    fputc('\n', to);
    if (options->text)
        fwrite(options->text, 1, options->size, to);
}
