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
 *     directory=PATH    the image directory, absolute; this or the next is required
 *     pattern=PATH      the same with patterns (engine/image_name.h)
 *     label=KEY=VALUE   a label of the image (engine/labels.h); may be repeated
 *     leave-running=1   the JVM continues after its image is written
 *     gc=0|1            whether to collect garbage first; otherwise the agent's option decides
 *     rehearsal=0|1     whether to rehearse the image; likewise
 *     engine=NAME       the engine; otherwise the agent's option decides
 *     driver=1          the requester drives that engine's freeze: see below
 *     connections=refuse|close, children=refuse|end|ignore, tmp-files=MIB
 *                       what an allowance says (engine/allowance.h); otherwise the agent's options
 *     policies=SIZE NAME
 *                       rules for descriptors: SIZE bytes follow the empty line; NAME is for
 *                       messages; otherwise the file of the agent's option
 *     keep=tcp|unix     and the engine keeps such connections: they are no obstacle
 *   prepare             the first half of a checkpoint that another program freezes
 *     gc=0|1            likewise
 *   resume              its second half, also if the freeze failed
 *     restored=1        the process was restored: the HTTP endpoint closes, unless shutdown=false;
 *                       the agent notices a restore by itself too, by the process's start time
 *
 *   check               what would prevent a checkpoint now; calls no hook
 *     gc=0|1            likewise
 *
 *   endpoint            where the HTTP endpoint listens: a line "address ADDR" in the answer
 *     addr=ADDR         move it there, or open it, or close it ("none")
 *
 * Between the halves no client without a request stays connected: another program could not dump
 * the connection. A requester of "prepare" that waits for the end of the answer also knows that its
 * own connection is closed.
 *
 * The answer is lines "progress DONE TOTAL", "directory PATH" (what a pattern became) and "text
 * TEXT", and a last line: "done", "written" (the JVM ends now), "leave" (it ends when the requester
 * has ended), or "failed": the JVM continues, and the text lines have the reasons. A check is
 * answered by lines "found TYPE:TEXT", "found TYPE NUMBER:TEXT" for a descriptor (engine/report.h),
 * "found warning:TEXT" and "found hooks:COUNT", the number of resources with hooks.
 *
 * /before-checkpoint and /after-restore of the HTTP endpoint are the same two halves as "prepare"
 * and "resume"; each half may be requested here or there.
 *
 * A requester that drives the freeze gets the line "frozen SIZE" when all threads are parked, then
 * SIZE bytes, with descriptors as SCM_RIGHTS, whose meaning is the engine's (engine/criu/frozen.h).
 * If the JVM continues, the answer's other lines follow.
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

/** Listen at the name for this PID namespace, if that has changed. */
void ckpt_control_socket_move(void);

/** The request on the connection @fd has arrived: it is not idle any more. */
void ckpt_control_socket_has_request(int fd);

/**
 * Close connections without a request, and wait until they are closed: another program is to freeze
 * this process, and could not restore them.
 */
void ckpt_control_socket_close_idle(void);

/**
 * Neither open nor close connections, from before ckpt_control_fds_list() until after the freeze.
 */
void ckpt_control_socket_lock(void);
void ckpt_control_socket_unlock(void);

#endif
