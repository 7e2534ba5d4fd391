/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What criu dumps without an objection, although no image of it can be restored.
 */
#ifndef CKPT_ENGINE_CRIU_RESTORABLE_H
#define CKPT_ENGINE_CRIU_RESTORABLE_H

#include <sys/types.h>

#include "base/error.h"

/** Check @pid and its descendants. The error names the process and the reason. */
int ckpt_criu_restorable_check(pid_t pid, struct ckpt_error *error);

#endif
