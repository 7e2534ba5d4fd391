/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The rehearsal of an image by the copy of the command that is inside the agent's library.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_REHEARSAL_COMMAND_H
#define CKPT_ENGINE_BUILTIN_PREPARE_REHEARSAL_COMMAND_H

#include <limits.h>

#include "base/error.h"
#include "engine/builtin/freeze/run_rehearsal.h"

/** What is rehearsed: as a later restore of it will be called. */
struct ckpt_rehearsal_subject {
    const char *directory, *image; /**< the image's name in the directory */
    const char *policies, *cwd;    /**< what restores will be given; "": nothing */
    unsigned timeout_s;
};

struct ckpt_rehearsal_words {
    struct ckpt_rehearsal rehearsal;
    char name[96], directory[PATH_MAX + 2], policies[PATH_MAX + 16], cwd[PATH_MAX + 16];
    char *arguments[7];
};

/**
 * Get ready to rehearse @subject before the threads are parked.  The caller closes
 * rehearsal.command_fd.  0, or -1: it cannot be run here.
 */
int ckpt_rehearsal_prepare(struct ckpt_rehearsal_words *ret,
                           const struct ckpt_rehearsal_subject *subject, struct ckpt_error *error);

/** After a checkpoint that was called off: a thread waits for what hangs in the kernel. */
void ckpt_rehearsal_leave(void);

#endif
