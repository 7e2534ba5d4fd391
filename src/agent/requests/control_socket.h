/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The control socket: how `checkpointer checkpoint PID` reaches a JVM that has the agent.
 *
 * A Unix socket in the JVM's own mount and PID namespaces (base/control_name.h), mode 0600, that
 * serves its owner and root.  A request is lines of key=value and an empty line; the answer is
 * lines "progress DONE TOTAL" or "text TEXT", and last "written", "done" or
 * "failed".
 */
#ifndef CKPT_AGENT_REQUESTS_CONTROL_SOCKET_H
#define CKPT_AGENT_REQUESTS_CONTROL_SOCKET_H

#include "base/error.h"

/** Bind the socket and start the thread that serves it. 0 or -1. */
int ckpt_control_start(struct ckpt_error *error);

/** Keep connections from coming and going, from before ckpt_control_fds() to after the freeze. */
void ckpt_control_lock(void);
void ckpt_control_unlock(void);

#endif
