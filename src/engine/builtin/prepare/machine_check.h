/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether this kernel tells a process enough about itself to be frozen.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_MACHINE_CHECK_H
#define CKPT_ENGINE_BUILTIN_PREPARE_MACHINE_CHECK_H

#include "base/error.h"

/** What `checkpointer check` says NO to, as far as a freeze needs it and it is cheap to ask. */
int ckpt_machine_can_freeze(struct ckpt_error *error);

#endif
