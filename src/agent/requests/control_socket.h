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

#include <stddef.h>

#include "base/error.h"

/** So many requests at once; one beyond is turned away. */
#define CKPT_CONTROL_MOST 4
#define CKPT_CONTROL_FDS (CKPT_CONTROL_MOST + 2)

/** Bind the socket and start the thread that serves it. 0 or -1. */
int ckpt_control_start(struct ckpt_error *error);

/** Keep connections from coming and going, from before ckpt_control_fds() to after the freeze. */
void ckpt_control_lock(void);
void ckpt_control_unlock(void);

/**
 * In a restored process, before anyone runs: take the descriptor numbers of the socket and of the
 * connections, so that nothing of the application's gets them.  The control thread makes the new
 * socket in its own time.
 */
void ckpt_control_hold(void);

/** Remove the socket's name. Safe among the parked. */
void ckpt_control_unlink(void);

/** The descriptors that are the control socket's own; how many, into @ret. */
size_t ckpt_control_fds(int ret[CKPT_CONTROL_FDS]);

/**
 * Tell all requesters but the one on the connection @except that the process ends. Safe among the
 * parked.
 */
void ckpt_control_dismiss(int except);

#endif
