/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One checkpoint as the agent drives it, from a directory's name to the engine and back.
 */
#ifndef CKPT_AGENT_CHECKPOINT_H
#define CKPT_AGENT_CHECKPOINT_H

#include <stdbool.h>

/** What a request over the control socket adds; all zero for Core.checkpointRestore(). */
struct ckpt_request {
    const char *directory; /**< NULL: that of the agent's option */
    bool leave_running;
    int gc;       /**< 1 yes, -1 no, 0 as the agent's option says */
    int reply_fd; /**< a connection that progress and the last word go to, 0 if there is none */
};

/**
 * The request that the next freeze serves; NULL for none. The control thread sets it (control.c).
 */
extern __thread const struct ckpt_request *ckpt_current_request;

#endif
