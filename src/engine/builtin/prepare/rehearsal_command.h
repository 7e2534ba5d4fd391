/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The rehearsal of an image by the copy of the command that is inside the agent's library.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_REHEARSAL_COMMAND_H
#define CKPT_ENGINE_BUILTIN_PREPARE_REHEARSAL_COMMAND_H

#include <limits.h>

#include "agent/agent.h"
#include "engine/builtin/freeze/run_rehearsal.h"

struct ckpt_rehearsal_words {
    struct ckpt_rehearsal rehearsal;
    char name[96], directory[PATH_MAX + 2], policies[PATH_MAX + 16], cwd[PATH_MAX + 16];
    char *arguments[7];
};

/**
 * Get ready to rehearse DIRECTORY/IMAGE before the threads are parked.  The caller closes
 * rehearsal.command_fd.  0, or -1: it cannot be run here.
 */
int ckpt_rehearsal_prepare(struct ckpt_rehearsal_words *ret, const char *directory,
                           const char *image, const struct ckpt_options *options,
                           struct ckpt_error *error);

/** After a checkpoint that was called off: a thread waits for what hangs in the kernel. */
void ckpt_rehearsal_leave(void);

#endif
