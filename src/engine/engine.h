/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine contract, the half that the command uses: what can be done with an image directory.
 *
 * An engine is the folder src/engine/NAME and one word in src/engine/meson.build.  It defines
 * ckpt_engine_NAME, the table of functions below.  Its other half, which runs inside the JVM, is
 * reached through the agent (agent/checkpoint.c).
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

/** Each engine in turn, the default first (index 0); NULL after the last. */
const struct ckpt_engine *ckpt_engine_at(size_t index);

/** The engine that made an image, by the name that the image has; NULL with @error. */
const struct ckpt_engine *ckpt_engine_find(const char *name, struct ckpt_error *error);

#endif
