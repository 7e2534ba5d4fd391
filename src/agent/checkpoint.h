/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One checkpoint as the agent drives it, from a directory's name to the engine and back.
 */
#ifndef CKPT_AGENT_CHECKPOINT_H
#define CKPT_AGENT_CHECKPOINT_H

#include <stdbool.h>

/** What a request over a socket adds; all zero for Core.checkpointRestore(). */
struct ckpt_request {
    const char *directory; /**< NULL: that of the agent's option */
    bool leave_running;
    int gc;       /**< 1 yes, -1 no, 0 as the agent's option says */
    int reply_fd; /**< a connection that progress and the last word go to, 0 if there is none */
    /** Sent there when the image is whole and the process about to end, and nothing before it;
     * NULL: progress and "written", as the control socket has it. */
    const char *written_text;
};

/**
 * The request that the next freeze serves; NULL for none. The thread that serves a
 * socket sets it (control.c, http_request.c).
 */
extern __thread const struct ckpt_request *ckpt_current_request;

#endif
