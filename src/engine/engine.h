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
    CKPT_TIME_ELAPSED,   /**< as AUTO, but the clocks have advanced by the time since the freeze */
};

struct ckpt_description;

/** What the user chose for an engine that runs a program of its own. All zero: the defaults. */
struct ckpt_engine_settings {
    const char *program;  /**< a path, or a name to be found in PATH; NULL: the engine's default */
    char *const *options; /**< of that program, NULL after the last; NULL: none */
    unsigned timeout_s;   /**< how long it may take for a step; 0: the engine's default */
    bool tcp_established; /**< established TCP connections are frozen and restored */
};

/** Connections that an engine may keep, so that they are no obstacle; bits of a set. */
enum ckpt_connections {
    CKPT_CONNECTIONS_TCP = 1,
    CKPT_CONNECTIONS_UNIX = 2, /**< those to other processes than the JVM and its children */
};

struct ckpt_freeze_request {
    pid_t pid;
    const char *directory; /**< the image directory, created if it does not exist */
    bool leave_running;    /**< the JVM continues after the image is written */
    const char *labels;    /**< labels of the image: words KEY=VALUE, each with a zero byte */
    size_t labels_size;
    struct ckpt_engine_settings settings;
};

/** What an agent has sent with the line "frozen", when all threads of its JVM are parked. */
struct ckpt_offered {
    void *data; /**< malloc'd */
    size_t size;
    int *fds; /**< malloc'd; the caller closes those that are not -1 */
    size_t fd_count;
};

/** The result of a freeze that the command drives. */
enum ckpt_drive_result {
    CKPT_DRIVE_LOST = -1, /**< the JVM is in an unknown state, or has ended */
    CKPT_DRIVE_ENDED = 0, /**< the image is written, and the JVM has ended */
    CKPT_DRIVE_CONTINUES, /**< the JVM continues, and answers the request itself */
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
    bool missing_as_exception;    /**< the JVM gets a RestoreException for a file that cannot be
                                       opened again, instead of a refusal */
    bool keep_start_time;         /**< the JVM's start time stays that of the first process */
    const char *image_name;       /**< the image's file name in the directory; NULL: "image" */
    bool original_runs;       /**< a rehearsal: the image's JVM still has its addresses and locks */
    const char *cwd;          /**< the process's new working directory; NULL: that in the image */
    char *const *environment; /**< the new environment, words KEY=VALUE, NULL after the last */
    char *const *properties;  /**< system properties to set, words KEY=VALUE, NULL after the last */
    char *const *arguments;   /**< a main class to run and its arguments; NULL: none */
    const char *new_image;    /**< a pattern, absolute: where the process's next images go
                                   (ckpt_parameters.new_image); NULL: as before the freeze */
    char *const *required_labels; /**< labels KEY=VALUE that the image must have, NULL after the
                                       last (required_labels.h); NULL: none */
    /** not NULL: do not wait for the process's end; called with its PID just before it runs */
    void (*detached)(pid_t pid);
    /** Called with its PID when it runs, if its engine keeps children, which run too. Or NULL. */
    void (*restored)(const struct ckpt_restore_request *request, pid_t pid);
    struct ckpt_engine_settings settings;
};

/** The result of a check: it works, it works with a restriction, it does not work. */
enum ckpt_verdict { CKPT_YES, CKPT_LIMITED, CKPT_NO };

/** Called with each finding of check(): what was checked, the verdict, a text with details. */
typedef void ckpt_finding_fn(void *context, enum ckpt_verdict verdict, const char *what,
                             const char *detail);

/** The part of an engine that the command uses. */
struct ckpt_engine {
    const char *name;    /**< the name of its folder, which images contain */
    bool keeps_children; /**< child processes are frozen with the JVM */
    /** Check this machine, with each finding to @report. 0, or -1 if the engine cannot work. */
    int (*check)(const struct ckpt_engine_settings *settings, ckpt_finding_fn *report,
                 void *context);
    /**
     * Before a JVM starts that will use them: whether the program that they name and its options
     * are right. An engine that does not work on this machine is no reason. NULL: it has none.
     */
    int (*check_settings)(const struct ckpt_engine_settings *settings, struct ckpt_error *error);
    /**
     * Freeze a JVM from outside. The caller makes the JVM's agent call the hooks: those before the
     * freeze, and those after it if the freeze fails or the JVM continues. NULL: an engine whose
     * freeze is made inside the JVM (struct ckpt_engine_jvm).
     */
    int (*freeze)(const struct ckpt_freeze_request *request, struct ckpt_error *error);
    /**
     * Before the hooks are called: whether drive() can work. NULL, like drive(): the engine has
     * none.
     */
    int (*check_drive)(const struct ckpt_freeze_request *request, struct ckpt_error *error);
    /** Which connections drive() keeps: enum ckpt_connections. NULL: there is no drive(). */
    unsigned (*kept_connections)(const struct ckpt_engine_settings *settings);
    /**
     * Freeze a JVM that waits for it with all threads parked, after it was asked to with the name
     * of this engine. An engine that has it has no freeze().
     * @param error  set with CKPT_DRIVE_LOST; also with CKPT_DRIVE_ENDED if that has a defect
     */
    enum ckpt_drive_result (*drive)(const struct ckpt_freeze_request *request,
                                    struct ckpt_offered *offered, struct ckpt_error *error);
    /**
     * Become the process in the image, or its parent that ends as it does. Returns only on failure:
     * -1, and nothing was changed; and 0 for a process that is detached.
     */
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

/** The engine with this name; NULL with @error, for an image, if there is none. */
const struct ckpt_engine *ckpt_engine_find(const char *name, struct ckpt_error *error);

/** The engine with this name, or the default for "auto"; NULL with @error, for an option. */
const struct ckpt_engine *ckpt_engine_choose(const char *name, struct ckpt_error *error);

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
    /**
     * Called after on_load() if the agent is loaded while the JVM starts, before it runs Java code.
     * NULL: nothing to do.
     */
    void (*on_start)(void);
    /** Whether a JVM can be frozen on this machine; only checks that take no time. */
    int (*check_machine)(struct ckpt_error *error);
    /** Called before the hooks: whether there is space for an image. May collect garbage. */
    int (*check_room)(const struct ckpt_host *host, struct ckpt_error *error);
    /**
     * Called after the hooks: allocate what a freeze needs. -1: there can be no freeze. Then
     * @ret_job is unchanged, or a job for precheck() and discard(), so that all obstacles are
     * reported together with this error.
     */
    int (*prepare)(const struct ckpt_host *host, struct ckpt_engine_job **ret_job,
                   struct ckpt_error *error);
    /**
     * The pre-check, while the JVM runs: adds each obstacle to @report, which is empty, also if the
     * check itself fails, and each descriptor that a policy changes to @warnings.
     */
    void (*precheck)(struct ckpt_engine_job *job, struct ckpt_report *report,
                     struct ckpt_report *warnings);
    /**
     * With host->trial, after precheck(): add what only shows when all threads are parked. Parks
     * them and lets them continue. NULL: the engine finds nothing more by itself.
     */
    void (*attempt)(struct ckpt_engine_job *job, struct ckpt_report *report);
    /**
     * Called before freeze(), while the JVM runs: what takes time, so that the freeze follows soon
     * after the host's own preparation. -1: there can be no freeze, and @report has the reason.
     * NULL: nothing to do.
     */
    int (*begin)(struct ckpt_engine_job *job, struct ckpt_report *report);
    /**
     * Freeze the process, which then ends unless host->leave_running. If that fails, all threads
     * continue, and @report has the reasons.
     */
    enum ckpt_freeze_result (*freeze)(struct ckpt_engine_job *job, struct ckpt_report *report);
    /** Called after each prepare() that made a job: free it. A failed freeze leaves no files. */
    void (*discard)(struct ckpt_engine_job *job);
    /**
     * Called when another program is to freeze the process: let it not depend on files that may be
     * gone, the image that this engine has restored it from and the agent's deleted library. There
     * is no job. NULL: it never does.
     */
    int (*detach)(const struct ckpt_host *host, struct ckpt_error *error);
};

/** The engine with this index, 0 for the default; NULL after the last. For the agent. */
const struct ckpt_engine_jvm *ckpt_engine_jvm_at(size_t index);

/** The engine with this name, or the default for NULL and "auto"; NULL if there is none. */
const struct ckpt_engine_jvm *ckpt_engine_jvm_find(const char *name);

#endif
