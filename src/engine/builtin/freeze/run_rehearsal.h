/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The rehearsal that an image passes before its JVM ends, as the freezing half starts it.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_RUN_REHEARSAL_H
#define CKPT_ENGINE_BUILTIN_FREEZE_RUN_REHEARSAL_H

#include <stdint.h>

#include "base/error.h"

/** What to run; all of it is made before the threads are parked. */
struct ckpt_rehearsal {
    int command_fd;         /**< the command, as a memory file */
    char *const *arguments; /**< its argv */
    unsigned timeout_s;     /**< then it is killed */
};

/**
 * Run the command as a child of which the process sees neither SIGCHLD nor a zombie.  With all
 * other threads parked; all signals are blocked.
 * @return 0 if it ended with 0, otherwise -1 with the reason
 */
int ckpt_rehearse(const struct ckpt_rehearsal *rehearsal, struct ckpt_error *error);

/**
 * Whether a command that was not over in time still hangs in the kernel, for instance for a file
 * system that does not answer.
 * @return 0: it does not; otherwise a number that is another one for each that hung
 */
uint32_t ckpt_rehearse_hangs(void);

/** Wait for that, as long as it takes, so that nothing is left of it; from one thread only. */
void ckpt_rehearse_bury(void);

#endif
