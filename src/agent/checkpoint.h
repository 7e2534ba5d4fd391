/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One checkpoint as the agent drives it, from a directory's name to the engine and back.
 */
#ifndef CKPT_AGENT_CHECKPOINT_H
#define CKPT_AGENT_CHECKPOINT_H

#include <jni.h>
#include <stdbool.h>
#include <stdint.h>

/** What a request over a socket adds; all zero for Core.checkpointRestore(). */
struct ckpt_request {
    const char *directory; /**< NULL: that of the agent's option */
    bool leave_running;
    int rehearsal; /**< 1 yes, -1 no, 0 as the agent's option says */
    int gc;        /**< 1 yes, -1 no, 0 as the agent's option says */
    int reply_fd;  /**< a connection that progress and the last word go to, 0 if there is none; the
                       last word alone may also go to standard error */
    /** Sent there when the image is whole and the process about to end, and nothing before it;
     * NULL: progress and "written", as the control socket has it. */
    const char *written_text;
    /**
     * ckpt_generation_mark() when the request came: if the process was restored since, there is
     * nobody to answer, and nothing is done.  0: not known, it is done.
     */
    uint32_t asked_in;
    /**
     * Called on another thread, at most until the request's call of Checkpoint returns: a hook has
     * run longer than it may; @text says so, in lines.  @last: it does not react, so whoever waits
     * should be answered now.  NULL allowed.
     */
    void (*overdue)(const struct ckpt_request *request, const char *text, bool last);
};

/**
 * The request that the next freeze on this thread serves; NULL for none. Set by whoever calls
 * Checkpoint (control_request.c, agent/requests/http/http_request.c), also while it runs the hooks.
 */
extern __thread const struct ckpt_request *ckpt_current_request;

struct ckpt_host;

/** What an engine is told of @request, but for what is known of the JVM only at the freeze. */
void ckpt_checkpoint_describe(const struct ckpt_request *request, const char *directory,
                              struct ckpt_host *ret_host);

/** What has to be known before the first checkpoint. */
void ckpt_checkpoint_init(JNIEnv *env);

/** Native method of jdk.crac.impl.Native. */
jobjectArray ckpt_native_freeze(JNIEnv *env, jclass owner, jstring directory);

#endif
