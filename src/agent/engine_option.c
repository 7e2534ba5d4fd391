/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See engine_option.h. Runs on the requester's thread, and when the agent's options are set.
 */
#include "agent/engine_option.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/program.h"
#include "engine/engine.h"
#include "runtime/log.h"

int ckpt_engine_option_check(const char *name, struct ckpt_error *error)
{
    char names[128] = "auto";
    size_t length = strlen(names);

    if (ckpt_engine_jvm_find(name))
        return 0;
    for (size_t i = 0; ckpt_engine_jvm_at(i) && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                   ckpt_engine_jvm_at(i + 1) ? ", " : " or ",
                                   ckpt_engine_jvm_at(i)->name);
    return ckpt_error_set(error, 0, "agent option 'engine=%s': expected %s", name, names);
}

int ckpt_engine_option_find_program(const struct ckpt_options *options, struct ckpt_error *error)
{
    const char *name = options->criu[0] ? options->criu : "criu";
    char path[PATH_MAX];
    int failed = ckpt_program_find(name, getenv("PATH"), path, sizeof path);

    if (failed == -ENOENT && !strchr(name, '/'))
        return ckpt_error_set(error, 0,
                              "'%s' is not in PATH; install the package criu, or name the program "
                              "with the agent option criu",
                              name);
    return failed ? ckpt_error_set(error, -failed,
                                   "criu '%s' cannot be started; name the program with the agent "
                                   "option criu",
                                   path)
                  : 0;
}

void ckpt_engine_option_warn(const struct ckpt_options *options)
{
    struct ckpt_error error;

    if ((options->criu[0] || strcmp(options->engine, "criu") == 0) &&
        ckpt_engine_option_find_program(options, &error) < 0)
        ckpt_log("warning", "checkpoints by criu will fail: %s", error.text);
}

/* Called by one checkpoint at a time. */
const char *const *ckpt_driver_arguments(void)
{
    static const char *words[2 * CKPT_CRIU_OPTIONS_MAX + 8];
    static char timeout[16];
    struct ckpt_options *options = &ckpt_options;
    size_t count = 0;

    if (options->criu[0]) {
        words[count++] = "--criu";
        words[count++] = options->criu;
    }
    for (unsigned i = 0; i < options->criu_option_count; i++) {
        words[count++] = "--criu-option";
        words[count++] = options->criu_options[i];
    }
    if (options->criu_timeout_s) {
        snprintf(timeout, sizeof timeout, "%u", options->criu_timeout_s);
        words[count++] = "--criu-timeout";
        words[count++] = timeout;
    }
    if (options->tcp_established)
        words[count++] = "--tcp-established";
    words[count] = NULL;
    return words;
}
