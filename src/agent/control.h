/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The control socket: how `checkpointer checkpoint PID` reaches a JVM that has the agent.
 *
 * A Unix socket /tmp/.checkpointer_UID_pidPID in the JVM's own mount and PID namespaces, mode 0600,
 * that serves its owner and root.  A request is lines of key=value and an empty line; the answer is
 * lines "progress DONE TOTAL" or "text TEXT", and last "written", "done" or
 * "failed".
 */
#ifndef CKPT_AGENT_CONTROL_H
#define CKPT_AGENT_CONTROL_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/** Bind the socket and start the thread that serves it. 0 or -1. */
int ckpt_control_start(struct ckpt_error *error);

/**
 * In a restored process, before anyone runs: take the socket's descriptor number, so that nothing
 * of the application's gets it.  The control thread makes the new socket there in its own time.
 */
void ckpt_control_hold(void);

/** Remove the socket's name. Safe among the parked. */
void ckpt_control_unlink(void);

/** The descriptors that are the control socket's own: at most @room into @ret. */
size_t ckpt_control_fds(int *ret, size_t room);

/** Whether the peer of a connected Unix socket is the JVM's owner or root. */
bool ckpt_control_is_allowed(int fd);

#endif
