/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks that this kernel gives a process the data about itself that a freeze needs.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_MACHINE_CHECK_H
#define CKPT_ENGINE_BUILTIN_PREPARE_MACHINE_CHECK_H

#include "base/error.h"

/** Check what a freeze requires, as `checkpointer check` does, except for expensive checks. */
int ckpt_machine_check(struct ckpt_error *error);

#endif
