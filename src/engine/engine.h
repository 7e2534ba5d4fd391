/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine contract. An engine freezes a process into an image and restores it; the agent and the
 * command use it only through this header.
 *
 * An engine is a folder src/engine/NAME and a name in src/engine/meson.build. It defines two tables
 * of functions: ckpt_engine_NAME_jvm for the agent, and ckpt_engine_NAME for the command.
 */
#ifndef CKPT_ENGINE_ENGINE_H
#define CKPT_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/** How the restored process gets its clocks. */
enum ckpt_time_mode {
    CKPT_TIME_AUTO,      /**< a time namespace with CAP_SYS_ADMIN, else the agent corrects calls */
    CKPT_TIME_NAMESPACE, /**< a time namespace, if need be in a user namespace, or an error */
    CKPT_TIME_HOST,      /**< the machine's monotonic clock */
};

struct ckpt_description;

struct ckpt_freeze_request {
    pid_t pid;
    const char *directory; /**< the image directory, created if it does not exist */
    bool leave_running;    /**< the JVM continues after the image is written */
};

struct ckpt_restore_request {
    const char *directory;
    void (*warn)(const char *text); /**< called before any side effect */
    enum ckpt_time_mode time;
    uint64_t started_realtime_ns; /**< when the command started */
    const char *policies;         /**< path of a policy file; NULL: none */
    bool same_tids;               /**< threads keep their TIDs, except the first thread */
    bool verify;                  /**< compare the checksums of all pages first */
    bool allow_changed_files;     /**< accept changed files that the JVM had open for writing */
    const char *image_name;       /**< the image's file name in the directory; NULL: "image" */
    bool original_runs;       /**< a rehearsal: the image's JVM still has its addresses and locks */
    const char *cwd;          /**< the process's new working directory; NULL: that in the image */
    char *const *environment; /**< the new environment, words KEY=VALUE, NULL after the last */
    char *const *properties;  /**< system properties to set, words KEY=VALUE, NULL after the last */
    char *const *arguments;   /**< a main class to run and its arguments; NULL: none */
};

/** The result of a check: it works, it works with a restriction, it does not work. */
enum ckpt_verdict { CKPT_YES, CKPT_LIMITED, CKPT_NO };

/** Called with each finding of check(): what was checked, the verdict, a text with details. */
typedef void ckpt_finding_fn(void *context, enum ckpt_verdict verdict, const char *what,
                             const char *detail);

/** The part of an engine that the command uses. */
struct ckpt_engine {
    const char *name; /**< the name of its folder, which images contain */
    /** Check this machine, with each finding to @report. 0, or -1 if the engine cannot work. */
    int (*check)(ckpt_finding_fn *report, void *context);
    /**
     * Freeze a JVM from outside. The caller makes the JVM's agent call the hooks: those before the
     * freeze, and those after it if the freeze fails or the JVM continues. NULL: an engine whose
     * freeze is made inside the JVM (struct ckpt_engine_jvm).
     */
    int (*freeze)(const struct ckpt_freeze_request *request, struct ckpt_error *error);
    /** Become the process in the image. Returns only on failure: -1, and nothing was changed. */
    int (*restore)(const struct ckpt_restore_request *request, struct ckpt_error *error);
    /**
     * Do everything that restore() does, short of becoming the process, without effects that others
     * can see. Afterwards descriptors from 3 on, working directory and clocks are those of the
     * image, so the caller can only report the result and end.
     * @return 0 if a restore would succeed here and now, -1 with what prevents it
     */
    int (*rehearse)(const struct ckpt_restore_request *request, struct ckpt_error *error);
    /**
     * Describe the image in @directory, which may be any user's. Nothing is changed or started.
     * @param verify           compare the checksums of all pages first, and fail if one differs
     * @param ret_description  the caller frees it
     */
    int (*describe)(const char *directory, bool verify, struct ckpt_description *ret_description,
                    struct ckpt_error *error);
};

/** The engine with this index, 0 for the default; NULL after the last. For the command. */
const struct ckpt_engine *ckpt_engine_at(size_t index);

/** The engine with this name; NULL with @error if there is none. */
const struct ckpt_engine *ckpt_engine_find(const char *name, struct ckpt_error *error);

/* ---- in the JVM ---- */

/** The result of a freeze. */
enum ckpt_freeze_result {
    CKPT_FREEZE_FAILED = -1,  /**< nothing was changed; the report has the reasons */
    CKPT_FREEZE_WRITTEN = 0,  /**< the image is written and the process continues (leave_running) */
    CKPT_FREEZE_RESTORED = 1, /**< this is the restored process */
};

struct ckpt_engine_job; /**< a checkpoint in progress; each engine defines its own */
struct ckpt_host;       /**< the agent's part, for the engine: engine/host.h */
struct ckpt_report;

/**
 * The part of an engine that the agent uses. Functions with a host or a job are called in this
 * order, on a thread that the JVM knows; there is one job at a time. The host does not change until
 * discard(), except for fields that host.h documents as set later.
 */
struct ckpt_engine_jvm {
    const char *name; /**< the name of its folder */
    /** Called when the agent is loaded, before any other part of it opens a descriptor. */
    void (*on_load)(void);
    /** Whether a JVM can be frozen on this machine; only checks that take no time. */
    int (*check_machine)(struct ckpt_error *error);
    /** Called before the hooks: whether there is space for an image. May collect garbage. */
    int (*check_room)(const struct ckpt_host *host, struct ckpt_error *error);
    /** Called after the hooks: allocate what a freeze needs. -1: nothing is allocated. */
    int (*prepare)(const struct ckpt_host *host, struct ckpt_engine_job **ret_job,
                   struct ckpt_error *error);
    /**
     * The pre-check, while the JVM runs: adds each obstacle to @report, also if the check itself
     * fails, and each descriptor that a policy changes to @warnings.
     */
    void (*precheck)(struct ckpt_engine_job *job, struct ckpt_report *report,
                     struct ckpt_report *warnings);
    /**
     * Freeze the process, which then ends unless host->leave_running. If that fails, all threads
     * continue, and @report has the reasons.
     */
    enum ckpt_freeze_result (*freeze)(struct ckpt_engine_job *job, struct ckpt_report *report);
    /** Called after each successful prepare(): free the job. A failed freeze leaves no files. */
    void (*discard)(struct ckpt_engine_job *job);
};

/** The engine with this index, 0 for the default; NULL after the last. For the agent. */
const struct ckpt_engine_jvm *ckpt_engine_jvm_at(size_t index);

#endif
