/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The options of the agent about engines.
 */
#ifndef CKPT_AGENT_ENGINE_OPTION_H
#define CKPT_AGENT_ENGINE_OPTION_H

#include <stdbool.h>

#include "agent/options.h"
#include "base/error.h"

/** Whether there is an engine of that name. 0 or -1. */
int ckpt_engine_option_check(const char *name, struct ckpt_error *error);

/** Whether the program of the engine criu is there, as far as can be seen without running it. */
int ckpt_engine_option_find_program(const struct ckpt_options *options, struct ckpt_error *error);

/** Warn if the options say that the engine criu is used, and its program is missing. */
void ckpt_engine_option_warn(const struct ckpt_options *options);

/**
 * Options for a command that an engine starts (engine/host.h), NULL after the last. Valid until the
 * next call.
 */
const char *const *ckpt_driver_arguments(void);

#endif
