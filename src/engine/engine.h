/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine contract: how the agent and the command reach what freezes a process and restores it.
 *
 * An engine is the folder src/engine/NAME and one word in src/engine/meson.build.  It defines two
 * tables of functions: ckpt_engine_NAME_jvm for the agent, and ckpt_engine_NAME for the command.
 */
#ifndef CKPT_ENGINE_ENGINE_H
#define CKPT_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/** How the restored process gets its clocks. */
enum ckpt_time_mode {
    CKPT_TIME_AUTO,      /**< a time namespace with CAP_SYS_ADMIN, otherwise the JVM's own calls */
    CKPT_TIME_NAMESPACE, /**< a time namespace, if need be in a user namespace, or an error */
    CKPT_TIME_HOST,      /**< the machine's monotonic clock */
};

struct ckpt_description;

struct ckpt_restore_request {
    const char *directory;
    void (*warn)(const char *text); /**< called before anything that others can see is done */
    enum ckpt_time_mode time;
    uint64_t started_realtime_ns; /**< when the command began */
    const char *policies;         /**< a file of rules for the descriptors; NULL: none */
    bool same_tids;               /**< threads get the TIDs they had, all but the first */
    bool verify;                  /**< check the pages' checksums first */
    bool allow_changed_files;     /**< that the JVM had open or mapped for writing */
    const char *image_name;       /**< the image's name in the directory; NULL: "image" */
    bool frozen_runs; /**< of a rehearsal: the caller is the frozen JVM's child, and that JVM still
                           has its addresses and locks */
    const char *cwd;  /**< the process's new working directory; NULL: the image's */
    char *const *environment; /**< the process's new one, words KEY=VALUE, NULL after the last */
    char *const *properties;  /**< system properties to set, words KEY=VALUE, NULL after the last */
    char *const *arguments;   /**< a main class to run and its arguments; NULL: none */
};

/** Whether something is as a checkpoint or restore needs it. */
enum ckpt_verdict { CKPT_YES, CKPT_LIMITED, CKPT_NO };

/** One finding of check(): "what: verdict, detail". */
typedef void ckpt_finding_fn(void *context, enum ckpt_verdict verdict, const char *what,
                             const char *detail);

/** What the command uses of an engine. */
struct ckpt_engine {
    const char *name; /**< of its folder; images carry it */
    /** Whether this machine can do it at all; each finding to @report. 0, or -1 if it cannot. */
    int (*check)(ckpt_finding_fn *report, void *context);
    /** Become the process in the image. Returns only on failure, -1 with nothing harmed. */
    int (*restore)(const struct ckpt_restore_request *request, struct ckpt_error *error);
    /**
     * Everything that restore() does short of becoming the process, with no effect that others can
     * see.  The calling process is fit for nothing afterwards but to report the result: descriptors
     * from 3 on, working directory and clocks are the image's.
     * @return 0 if a restore would succeed here and now, -1 with what prevents it
     */
    int (*rehearse)(const struct ckpt_restore_request *request, struct ckpt_error *error);
    /**
     * Say what is in the image in @directory, whose image it may be: nothing is changed or started.
     * @param verify           read all pages first, and fail if any is damaged
     * @param ret_description  to be freed
     */
    int (*describe)(const char *directory, bool verify, struct ckpt_description *ret_description,
                    struct ckpt_error *error);
};

/** Each engine in turn, the default first (index 0); NULL after the last. For the command. */
const struct ckpt_engine *ckpt_engine_at(size_t index);

/** The engine that made an image, by the name that the image has; NULL with @error. */
const struct ckpt_engine *ckpt_engine_find(const char *name, struct ckpt_error *error);

/* ---- in the JVM ---- */

/** What came of a freeze. */
enum ckpt_freeze_result {
    CKPT_FREEZE_FAILED = -1,  /**< nothing happened: see the report */
    CKPT_FREEZE_WRITTEN = 0,  /**< the image is there and the process continues (leave_running) */
    CKPT_FREEZE_RESTORED = 1, /**< this is the restored process */
};

struct ckpt_engine_job; /**< one checkpoint on its way; each engine defines its own */
struct ckpt_host;       /**< what it asks of the agent: engine/host.h */
struct ckpt_report;

/**
 * What the agent uses of an engine.  The functions that take a host or a job are called in this
 * order on the thread that the request is carried out on, which the JVM knows; there is one job at
 * a time.  The host stays as it is until discard(), but for what it says is known only later.
 */
struct ckpt_engine_jvm {
    const char *name; /**< of its folder */
    /** When the agent is loaded, before anything else of it has opened a descriptor. */
    void (*loaded)(void);
    /** Whether a JVM can be frozen on this machine, as far as it takes no time to find out. */
    int (*check_machine)(struct ckpt_error *error);
    /** Before the hooks are called: whether there is room for an image. May collect garbage. */
    int (*check_room)(const struct ckpt_host *host, struct ckpt_error *error);
    /** After the hooks: make whatever a freeze needs. -1: nothing is left of it. */
    int (*prepare)(const struct ckpt_host *host, struct ckpt_engine_job **ret_job,
                   struct ckpt_error *error);
    /**
     * The pre-check, while the JVM runs: every obstacle into @report, which says so too if the
     * check itself fails; what policies change into @warnings.
     */
    void (*precheck)(struct ckpt_engine_job *job, struct ckpt_report *report,
                     struct ckpt_report *warnings);
    /**
     * Freeze the process, which ends unless host->leave_running.  If it fails, every thread runs on
     * and @report says why.
     */
    enum ckpt_freeze_result (*freeze)(struct ckpt_engine_job *job, struct ckpt_report *report);
    /** Whatever came of it: give back what prepare() has made; a failed freeze leaves no files. */
    void (*discard)(struct ckpt_engine_job *job);
};

/** Each engine in turn, the default first (index 0); NULL after the last. For the agent. */
const struct ckpt_engine_jvm *ckpt_engine_jvm_at(size_t index);

#endif
