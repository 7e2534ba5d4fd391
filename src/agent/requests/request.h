/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request for a checkpoint, from any source: the control socket, HTTP, a signal or the
 * application itself. All use the same path: jdk.crac.impl.Checkpoint admits one at a time
 * (Turn.java), and passes its number to the freeze (checkpoint.c).
 *
 * Requests from outside are carried out on a thread of the agent.
 */
#ifndef CKPT_AGENT_REQUESTS_REQUEST_H
#define CKPT_AGENT_REQUESTS_REQUEST_H

#include <jni.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/allowance.h"

struct ckpt_labels;
struct ckpt_policies;

/** What is requested; Step.java has the same list. */
enum ckpt_step {
    CKPT_STEP_CHECKPOINT, /**< the hooks before, the freeze, and the hooks after */
    CKPT_STEP_PREPARE,    /**< the hooks before, for a tool that freezes the process itself */
    CKPT_STEP_RESUME,     /**< the hooks after */
    CKPT_STEP_QUERY,      /**< does nothing; reports what other requests wait for */
    CKPT_STEP_CHECK,      /**< finds what would prevent a checkpoint; calls no hook */
};

/** The outcome; Outcome.java has the same list, without the last one. */
enum ckpt_outcome {
    CKPT_OUTCOME_DONE,
    CKPT_OUTCOME_BUSY,       /**< another checkpoint is in progress; nothing was done */
    CKPT_OUTCOME_NOT_BEGUN,  /**< the second half was requested without the first */
    CKPT_OUTCOME_CANCELLED,  /**< a hook failed, or the process was not frozen: it continues */
    CKPT_OUTCOME_INCOMPLETE, /**< restored or continuing, but hooks failed afterwards */
    CKPT_OUTCOME_BROKEN,     /**< an unexpected failure */
    CKPT_OUTCOME_NO_THREAD,  /**< the JVM accepts no thread: it is starting or ending */
};

/** How long a request waits for another checkpoint. */
#define CKPT_REQUEST_WAIT_MS 5000

struct ckpt_request {
    enum ckpt_step step;
    unsigned wait_ms;      /**< the limit for waiting for another checkpoint */
    const char *directory; /**< NULL: that of the agent's option; may contain patterns */
    bool is_literal;       /**< @directory contains no patterns (engine/image_name.h) */
    bool leave_running;    /**< the agent's option may say so, too */
    const char *engine;    /**< a name of an engine, or "auto"; NULL: the agent's option decides */
    bool drives;           /**< the client of reply_fd drives that engine's freeze (engine.h) */
    unsigned kept_connections;        /**< and has told it to keep these: enum ckpt_connections */
    const struct ckpt_labels *labels; /**< in addition to those of the agent's options; or NULL */
    struct ckpt_allowance allowance;  /**< in place of the agent's option, as far as it is set */
    struct ckpt_policies *policies;   /**< malloc'd: likewise in place of its file; or NULL */
    int rehearsal;                    /**< 1 yes, -1 no, 0: the agent's option decides */
    int gc;          /**< likewise; for CKPT_STEP_PREPARE: whether to collect after the hooks */
    bool restored;   /**< for CKPT_STEP_RESUME: after a restore, as the requester knows */
    bool repeatable; /**< for both halves: carried out whatever came before (compatible=true) */
    uint32_t pair;   /**< for CKPT_STEP_RESUME: the pair of halves (halves.c) to end; 0: any */
    int reply_fd;    /**< a connection for messages during the freeze, or standard error; 0: none */
    /** The only message, sent when the image is complete and the process is about to end. NULL:
     * "progress" and "written", as in the control socket's protocol. */
    const char *written_text;
    /**
     * ckpt_generation_mark() when the request arrived. If the process was restored since, no client
     * waits any more, and nothing is done. 0: it is always carried out.
     */
    uint32_t generation_mark;
    /**
     * Called on the thread that carries it out, before the hooks, with the image directory. May be
     * NULL.
     */
    void (*named)(struct ckpt_request *request, const char *directory);
    /**
     * Called on another thread, while the request is carried out: a hook has exceeded its limit, as
     * the lines of @text report. @final: the hook does not react to the interrupt, so the requester
     * should be answered now. May be NULL.
     */
    void (*overdue)(struct ckpt_request *request, const char *text, bool final);

    /* The following fields are set by ckpt_request_run(). */
    /** malloc'd array and strings, in UTF-8: what failed, what is waited for, or what was found */
    char **reasons;
    size_t reason_count;
    int64_t number; /**< identifies it in Java */
    pthread_t thread;
    unsigned reporters; /**< threads that are in overdue() */
    struct ckpt_request *next;
};

/** Carry it out on this thread, which is attached to the JVM meanwhile under the name @thread. */
enum ckpt_outcome ckpt_request_run(struct ckpt_request *request, const char *thread);

/** A report of @outcome with the reasons: malloc'd lines; NULL for CKPT_OUTCOME_DONE. */
char *ckpt_request_text(const struct ckpt_request *request, enum ckpt_outcome outcome);

/** Free the reasons and the policies. */
void ckpt_request_clear(struct ckpt_request *request);

/** Whether the calling thread carries out a request. */
bool ckpt_request_is_current_thread(void);

/** The request with that number, which the calling thread carries out; 0: the application's. */
const struct ckpt_request *ckpt_request_by_number(jlong number);

/* Native methods of jdk.crac.impl.Native. */
jboolean ckpt_native_is_repeatable(JNIEnv *env, jclass owner, jlong number);
jboolean ckpt_native_is_stale(JNIEnv *env, jclass owner, jlong number);
void ckpt_native_report(JNIEnv *env, jclass owner, jlong number, jstring text, jboolean final);
void ckpt_native_add_reason(JNIEnv *env, jclass owner, jlong number, jbyteArray text);

#endif
