/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The control socket: how `checkpointer checkpoint PID` reaches a JVM that has the agent.
 *
 * A Unix socket in the JVM's mount and PID namespaces (base/control_name.h), with mode 0600, that
 * serves its owner and root.
 *
 * A connection carries one request: a step, its parameters, and an empty line.
 *
 *   checkpoint          the hooks, the freeze, and the hooks again
 *     directory=PATH    the image directory, absolute; required
 *     leave-running=1   the JVM continues after its image is written
 *     gc=0|1            whether to collect garbage first; otherwise the agent's option decides
 *     rehearsal=0|1     whether to rehearse the image; likewise
 *   prepare             the first half of a checkpoint that another program freezes
 *     gc=0|1            likewise
 *   resume              its second half, also if the freeze failed
 *     restored=1        the process was restored: the HTTP endpoint closes, unless shutdown=false
 *
 * The answer is lines "progress DONE TOTAL" and "text TEXT", and a last line: "done", "written"
 * (the JVM ends now), "leave" (it ends when the requester has ended), or "failed": the JVM
 * continues, and the text lines have the reasons. /before-checkpoint and /after-restore of the HTTP
 * endpoint are the same two halves; each half may be requested here or there.
 *
 * Command and agent may be of different versions. A request with a line that the agent does not
 * know is refused before anything is done, with one text line. A requester ignores answers that it
 * does not know, and treats the end of the connection as a failure.
 */
#ifndef CKPT_AGENT_REQUESTS_CONTROL_SOCKET_H
#define CKPT_AGENT_REQUESTS_CONTROL_SOCKET_H

#include "base/error.h"

/** Bind the socket and start the thread that serves it. 0 or -1. */
int ckpt_control_socket_start(struct ckpt_error *error);

/**
 * Neither open nor close connections, from before ckpt_control_fds_list() until after the freeze.
 */
void ckpt_control_socket_lock(void);
void ckpt_control_socket_unlock(void);

#endif
