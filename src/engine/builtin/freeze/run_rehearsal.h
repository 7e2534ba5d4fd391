/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Starts the rehearsal of an image, before its JVM ends.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_RUN_REHEARSAL_H
#define CKPT_ENGINE_BUILTIN_FREEZE_RUN_REHEARSAL_H

#include <stdint.h>

#include "base/error.h"

/** The command to run. The agent prepares all of this before the threads are parked. */
struct ckpt_rehearsal {
    int command_fd;         /**< the command, as a memory file */
    char *const *arguments; /**< its argv */
    unsigned timeout_s;     /**< after that it is killed */
};

/**
 * Run the command in a child process that causes neither a SIGCHLD nor a zombie in the application.
 * All other threads are parked, and the caller has all signals blocked.
 * @return 0 if it exited with 0, otherwise -1 with the reason
 */
int ckpt_run_rehearsal(const struct ckpt_rehearsal *rehearsal, struct ckpt_error *error);

/**
 * Whether an earlier command, which was killed after its timeout, still hangs in the kernel, for
 * instance because a file system does not answer.
 * @return 0 if not; otherwise a number that is different for each command that hung
 */
uint32_t ckpt_run_rehearsal_hanging(void);

/** Wait, as long as it takes, for the end of that command, and reap it; only from one thread. */
void ckpt_run_rehearsal_reap(void);

#endif
