/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The process that asked for a checkpoint: what it is told, and its end.  If the JVM is the first
 * process of its PID namespace, as in a container, the kernel kills every process in the namespace
 * when it ends, so a command that was started there would be killed after all went well.
 */
#ifndef CKPT_AGENT_PARKED_REQUESTER_H
#define CKPT_AGENT_PARKED_REQUESTER_H

#include <stdbool.h>
#include <stdint.h>

struct ckpt_requester {
    int fd; /**< a connection, 0 if there is none; for the last word alone also standard error */
    /** When the image is whole, and nothing before it; NULL: progress and "written" or "leave", as
     * the control socket has it. */
    const char *last_word;
    int64_t progress_ms; /**< when it was told the last time; for ckpt_requester_progress() */
};

/** So much of the image is written; told now and then. */
void ckpt_requester_progress(struct ckpt_requester *requester, uint64_t done, uint64_t total);

/** The image is whole and the process is about to end. */
void ckpt_requester_written(const struct ckpt_requester *requester);

/**
 * If this process is the first of its PID namespace: wait until the requester has ended, and the
 * processes that wait for it in turn (a script), or until the other end of a TCP connection is
 * closed.  At most two seconds.  Otherwise returns at once.
 */
void ckpt_requester_wait(const struct ckpt_requester *requester);

#endif
