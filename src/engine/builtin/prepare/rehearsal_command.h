/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prepares the rehearsal of an image by the copy of the command in the agent's library.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_REHEARSAL_COMMAND_H
#define CKPT_ENGINE_BUILTIN_PREPARE_REHEARSAL_COMMAND_H

#include <limits.h>

#include "base/error.h"
#include "engine/builtin/freeze/run_rehearsal.h"

/** The image to rehearse, and the options of a later restore. */
struct ckpt_rehearsal_subject {
    const char *directory, *image; /**< the image's name in the directory */
    const char *policies, *cwd;    /**< options of later restores; "": none */
    unsigned timeout_s;
};

/** A rehearsal, with the memory of its arguments. */
struct ckpt_rehearsal_command {
    struct ckpt_rehearsal rehearsal;
    char name[96], directory[PATH_MAX + 2], policies[PATH_MAX + 16], cwd[PATH_MAX + 16];
    char *arguments[7];
};

/**
 * Prepare the rehearsal of @subject, before the threads are parked.  The caller closes
 * rehearsal.command_fd.  0, or -1: the command cannot be run here.
 */
int ckpt_rehearsal_prepare(struct ckpt_rehearsal_command *ret,
                           const struct ckpt_rehearsal_subject *subject, struct ckpt_error *error);

/** If a rehearsal hangs in the kernel, start a thread that waits for its end and reaps it. */
void ckpt_rehearsal_reap_later(void);

#endif
