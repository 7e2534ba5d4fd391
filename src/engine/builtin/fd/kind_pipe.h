/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Tells a pipe to another process from one that a JVM has for itself, as the selectors of old JDKs.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KIND_PIPE_H
#define CKPT_ENGINE_BUILTIN_FD_KIND_PIPE_H

#include <stdbool.h>

#include "engine/builtin/fd/live_fd.h"

/** Whether it is one end of a pipe whose other end is not in this process. */
bool ckpt_fd_is_pipe_to_elsewhere(const struct ckpt_live_fd *live);

#endif
