/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The path of the agent's control socket, for the agent, which creates it, and the command, which
 * connects to it.
 */
#ifndef CKPT_BASE_CONTROL_NAME_H
#define CKPT_BASE_CONTROL_NAME_H

#include <stddef.h>

/** Size of a buffer for the path. */
#define CKPT_CONTROL_NAME_MAX 96

/**
 * Inode number of the PID namespace of process @pid ("self", or a number in this /proc); 0 if it is
 * the initial namespace or cannot be read.
 */
unsigned long ckpt_control_namespace(const char *pid);

/**
 * TMP/.checkpointer_UID_pidN in the initial PID namespace (@pid_namespace 0), otherwise
 * TMP/.checkpointer_UID_pidN_NAMESPACE: each container has a PID 1, and several may share a /tmp.
 */
void ckpt_control_name(char path[CKPT_CONTROL_NAME_MAX], const char *tmp, unsigned uid, int pid,
                       unsigned long pid_namespace);

#endif
