/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The process that requested a checkpoint: messages to it, and the wait for its end. If the JVM is
 * the first process of its PID namespace, as in a container, the kernel kills all processes of the
 * namespace when the JVM ends. A command that runs there would be killed after its success.
 */
#ifndef CKPT_AGENT_PARKED_REQUESTER_H
#define CKPT_AGENT_PARKED_REQUESTER_H

#include <stdbool.h>
#include <stdint.h>

struct ckpt_requester {
    int fd; /**< a connection, or standard error; 0: none */
    /** The only message, sent when the image is complete. NULL: "progress", then "written" or
     * "leave", as in the control socket's protocol. */
    const char *written_text;
    int64_t progress_ms; /**< when ckpt_requester_progress() last sent a message */
};

/** The process at the other end of a Unix socket, in this PID namespace; 0: outside, or unknown. */
int ckpt_requester_pid(const struct ckpt_requester *requester);

/** Report at intervals that @done of @total bytes of the image are written. */
void ckpt_requester_progress(struct ckpt_requester *requester, uint64_t done, uint64_t total);

/** Report that the image is complete and the process is about to end. */
void ckpt_requester_written(const struct ckpt_requester *requester);

/**
 * If this process is the first of its PID namespace: wait until the requester and its ancestors in
 * the namespace (such as a script) have ended, or until the peer closes its TCP connection; at most
 * two seconds. Otherwise returns at once.
 */
void ckpt_requester_wait(const struct ckpt_requester *requester);

#endif
