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

int ckpt_allowance_options_take(const struct ckpt_command *command, int argc, char **argv,
                                int *index, struct ckpt_allowance_options *options)
{
    static const char *const names[] = {"--policies", "--connections", "--children", "--tmp-files"};
    struct ckpt_error error;
    const char *value;

    for (size_t i = 0; i < CKPT_COUNT(names); i++) {
        int taken = ckpt_cli_option(command, argc, argv, index, names[i], &value);

        if (taken < 0 || (taken > 0 && !*value)) {
            if (taken > 0)
                ckpt_cli_usage(command, "option '%s' needs a value", names[i]);
            return -1;
        }
        if (!taken)
            continue;
        if (i == 0)
            options->policies = value;
        else if (ckpt_allowance_set(&options->allowance, names[i] + 2, value, &error) < 0) {
            ckpt_cli_usage(command, "'%s=%s': %s", names[i], value, error.text);
            return -1;
        }
        return 1;
    }
    return 0;
}

bool ckpt_allowance_options_given(const struct ckpt_allowance_options *options)
{
    return options->policies || options->allowance.connections || options->allowance.children ||
           options->allowance.limits_tmp_files;
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
    if (options->allowance.connections)
        fprintf(to, "connections=%s\n",
                ckpt_connection_policy_word(options->allowance.connections));
    if (options->allowance.children)
        fprintf(to, "children=%s\n", ckpt_child_policy_word(options->allowance.children));
    if (options->allowance.limits_tmp_files)
        fprintf(to, "tmp-files=%u\n", options->allowance.tmp_files_mib);
    if (options->text)
        fprintf(to, "policies=%zu %s\n", options->size, options->policies);
    fputc('\n', to);
    if (options->text)
        fwrite(options->text, 1, options->size, to);
}
