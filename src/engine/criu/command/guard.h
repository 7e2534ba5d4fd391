/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A process that cleans up after a restore whose caller was killed: criu ends with its caller, but
 * what it was restoring would wait for it for ever, and keep its PID.
 */
#ifndef CKPT_ENGINE_CRIU_GUARD_H
#define CKPT_ENGINE_CRIU_GUARD_H

#include <sys/types.h>

struct ckpt_criu_guard {
    pid_t pid; /**< of the guard; -1: there is none, as for a lack of memory */
    int pipe;
};

/** Start it, before criu. @first is the PID that the first process of the image will have. */
void ckpt_criu_guard_start(pid_t first, struct ckpt_criu_guard *ret_guard);

/** Tell it criu's PID. */
void ckpt_criu_guard_watch(const struct ckpt_criu_guard *guard, pid_t criu);

/** End it, when the restore has succeeded or everything is cleaned up. */
void ckpt_criu_guard_end(struct ckpt_criu_guard *guard);

#endif
