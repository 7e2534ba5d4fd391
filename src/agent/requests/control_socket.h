/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The control socket: how `checkpointer checkpoint PID` reaches a JVM that has the agent.
 *
 * A Unix socket in the JVM's own mount and PID namespaces (base/control_name.h), mode 0600, that
 * serves its owner and root.
 *
 * A connection carries one request: a step, lines that belong to it, and an empty line.
 *
 *   checkpoint          the hooks, the freeze, and the hooks again
 *     directory=PATH    the image directory, absolute; required
 *     leave-running=1   the JVM continues after its image is written
 *     gc=0|1            whether to collect garbage first; otherwise the agent's option decides
 *     rehearsal=0|1     whether to rehearse the image; likewise
 *   prepare             the first half of a checkpoint whose freeze another program makes
 *     gc=0|1            likewise
 *   resume              its second half, also if the freeze failed
 *     restored=1        the process was restored: the HTTP endpoint closes, if it is to
 *
 * The answer is lines "progress DONE TOTAL" and "text TEXT", and a last one: "done", "written" (the
 * JVM ends now), "leave" (it ends when the requester has ended), or "failed", after which the JVM
 * continues, and the text lines have the reasons.  /before-checkpoint and /after-restore of the
 * HTTP endpoint are the same two halves: either of them may be requested by either way.
 *
 * Command and agent may be of different versions.  A request with any line that the agent does not
 * know is refused as a whole, in one text line that says so, before anything is done; a requester
 * passes over answers that it does not know, and takes the end of the connection for a failure.
 */
#ifndef CKPT_AGENT_REQUESTS_CONTROL_SOCKET_H
#define CKPT_AGENT_REQUESTS_CONTROL_SOCKET_H

#include "base/error.h"

/** Bind the socket and start the thread that serves it. 0 or -1. */
int ckpt_control_start(struct ckpt_error *error);

/**
 * Keep connections from coming and going, from before ckpt_control_fds_list() to after the freeze.
 */
void ckpt_control_lock(void);
void ckpt_control_unlock(void);

#endif
