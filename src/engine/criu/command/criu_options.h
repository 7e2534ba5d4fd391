/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What dump and restore share: the options of a request that are the same for both.
 */
#ifndef CKPT_ENGINE_CRIU_CRIU_OPTIONS_H
#define CKPT_ENGINE_CRIU_CRIU_OPTIONS_H

#include "engine/criu/command/failure.h"

#define CKPT_CRIU_CONFIGURATION_PATH 64

/** The storage of a request's options. */
struct ckpt_criu_options {
    CkptRpc__Options rpc;
    struct ckpt_criu_log log;
    int configuration; /**< a memory file with the user's own options; -1: there are none */
    char configuration_path[CKPT_CRIU_CONFIGURATION_PATH];
};

/** Fill in the common options. The caller closes ret->configuration. */
int ckpt_criu_options_init(const struct ckpt_criu *criu, int images, int log_directory,
                           const char *log_name, struct ckpt_criu_options *ret,
                           struct ckpt_error *error);

/**
 * Write the user's own options, @words, as a configuration file of criu's.
 * @param ret_path  by which criu opens it
 * @return a descriptor of it, or -1
 */
int ckpt_criu_options_write(char *const *words, char ret_path[CKPT_CRIU_CONFIGURATION_PATH],
                            struct ckpt_error *error);

/** Whether the options may be given, as far as that is known without criu. */
int ckpt_criu_options_check(char *const *words, struct ckpt_error *error);

/** Whether the user's own options, @words (NULL: none), have criu's option @name. */
bool ckpt_criu_options_have(char *const *words, const char *name);

#endif
