/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The command as the parent of the JVM that it has restored: to its caller it looks as if it were
 * the JVM.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_SUPERVISE_H
#define CKPT_ENGINE_CRIU_DRIVE_SUPERVISE_H

#include <signal.h>
#include <sys/types.h>

/**
 * Block the signals that ckpt_supervise() passes on, before the JVM runs: one that arrives between
 * would end this process and leave the JVM without its parent.
 */
void ckpt_supervise_hold_signals(sigset_t *ret_old);

/** Wait for the end of the JVM, pass signals on, and end as the JVM has ended. */
__attribute__((noreturn)) void ckpt_supervise(pid_t jvm);

#endif
