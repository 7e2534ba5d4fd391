/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request for a checkpoint, wherever it comes from: the control socket, HTTP, a signal or the
 * application itself.  All take the same way: through jdk.crac.impl.Checkpoint, which lets in one
 * at a time (Turn.java) and hands the request on by its number, to the freeze (checkpoint.c).
 *
 * Requests from outside are carried out on a thread of the agent's.
 */
#ifndef CKPT_AGENT_REQUESTS_REQUEST_H
#define CKPT_AGENT_REQUESTS_REQUEST_H

#include <jni.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What is asked for; Step.java has the same list. */
enum ckpt_step {
    CKPT_STEP_CHECKPOINT, /**< the hooks before, the freeze, and the hooks after */
    CKPT_STEP_PREPARE,    /**< the hooks before, for a tool that freezes the process itself */
    CKPT_STEP_RESUME,     /**< the hooks after */
    CKPT_STEP_QUERY,      /**< nothing; only what other requests wait for */
};

/** What came of it; Outcome.java has the same list, but for the last one. */
enum ckpt_outcome {
    CKPT_OUTCOME_DONE,
    CKPT_OUTCOME_BUSY,       /**< another checkpoint is in progress; nothing was done */
    CKPT_OUTCOME_NOT_BEGUN,  /**< there is no first half to which the second could be run */
    CKPT_OUTCOME_CANCELLED,  /**< a hook failed, or the process was not frozen: it continues */
    CKPT_OUTCOME_INCOMPLETE, /**< restored, or continuing, but hooks failed afterwards */
    CKPT_OUTCOME_BROKEN,     /**< something failed that is not known to fail */
    CKPT_OUTCOME_UNREACHED,  /**< the JVM does not take the thread: it is starting or ending */
};

/** How long requests that wait for another checkpoint do so. */
#define CKPT_REQUEST_WAIT_MS 5000

struct ckpt_request {
    enum ckpt_step step;
    unsigned wait_ms;      /**< for another checkpoint, at most */
    const char *directory; /**< NULL: that of the agent's option */
    bool leave_running;
    int rehearsal; /**< 1 yes, -1 no, 0 as the agent's option says */
    int gc;        /**< likewise; of CKPT_STEP_PREPARE: whether to collect after the hooks */
    uint32_t pair; /**< of CKPT_STEP_RESUME: the pair of halves (halves.c) to end; 0: any */
    int reply_fd;  /**< a connection that progress and the last word go to, 0 if there is none; the
                       last word alone may also go to standard error */
    /** Sent there when the image is whole and the process about to end, and nothing before it;
     * NULL: progress and "written", as the control socket has it. */
    const char *written_text;
    /**
     * ckpt_generation_mark() when the request came: if the process was restored since, no one waits
     * for it, and nothing is done.  0: it is always done.
     */
    uint32_t asked_in;
    /**
     * Called on another thread, while the request is carried out: a hook has run longer than it
     * may; @text says so, in lines.  @last: it does not react, so the requester should be answered
     * now.  NULL allowed.
     */
    void (*overdue)(struct ckpt_request *request, const char *text, bool last);

    /* From here on: set by ckpt_request_run(). */
    char **reasons; /**< malloc'd, each too: what failed, or what others wait for, in UTF-8 */
    size_t reason_count;
    int64_t number; /**< by which Java knows it */
    pthread_t thread;
    unsigned reporters; /**< threads that are in overdue() */
    struct ckpt_request *next;
};

/** Carry it out on this thread, which the JVM knows as @thread for as long. */
enum ckpt_outcome ckpt_request_run(struct ckpt_request *request, const char *thread);

/** What is to be reported of @outcome, with the reasons: malloc'd lines; NULL if all went well. */
char *ckpt_request_text(const struct ckpt_request *request, enum ckpt_outcome outcome);

/** Free the reasons. */
void ckpt_request_clear(struct ckpt_request *request);

/** Whether the calling thread carries out a request. */
bool ckpt_request_is_own(void);

/** The request of that number, which the calling thread carries out; of 0: the application's. */
const struct ckpt_request *ckpt_request_of(jlong number);

/* Native methods of jdk.crac.impl.Native. */
jboolean ckpt_native_is_stale(JNIEnv *env, jclass owner, jlong number);
void ckpt_native_report(JNIEnv *env, jclass owner, jlong number, jstring text, jboolean last);
void ckpt_native_add_reason(JNIEnv *env, jclass owner, jlong number, jbyteArray text);

#endif
