/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * criu's own check, which changes nothing: whether it works here, and whether it accepts the user's
 * options.
 */
#ifndef CKPT_ENGINE_CRIU_CHECK_BY_RPC_H
#define CKPT_ENGINE_CRIU_CHECK_BY_RPC_H

#include "engine/criu/command/process.h"

/** Ask @process, which is running. For root. */
int ckpt_criu_check_by_rpc(struct ckpt_criu_process *process, struct ckpt_error *error);

/** Start a criu as @start says, and ask it as an ordinary user or as root. */
int ckpt_criu_check_alone(const struct ckpt_criu *criu, const struct ckpt_criu_start *start,
                          struct ckpt_error *error);

/** Whether criu accepts the user's options. The error names the one that it does not accept. */
int ckpt_criu_check_options(const struct ckpt_criu *criu, const struct ckpt_criu_start *start,
                            struct ckpt_error *error);

#endif
