/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where the agent's control socket is: one rule for the agent, which makes it, and for the command,
 * which looks for it.
 */
#ifndef CKPT_BASE_CONTROL_NAME_H
#define CKPT_BASE_CONTROL_NAME_H

#include <stddef.h>

/** Room for the path, as seen by any process. */
#define CKPT_CONTROL_NAME_MAX 96

/**
 * The PID namespace of the process @pid ("self", or a number in this /proc): 0 if it is the first
 * one of the machine, or cannot be told.
 */
unsigned long ckpt_control_namespace(const char *pid);

/**
 * TMP/.checkpointer_UID_pidN, and in any PID namespace but the first one _NAMESPACE after it: each
 * container has a PID 1, and several may share a /tmp.
 */
void ckpt_control_name(char path[CKPT_CONTROL_NAME_MAX], const char *tmp, unsigned uid, int pid,
                       unsigned long pid_namespace);

#endif
