/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The freezing half of the built-in engine, which job.c calls.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_FREEZE_H
#define CKPT_ENGINE_BUILTIN_FREEZE_FREEZE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/builtin/freeze/run_rehearsal.h"
#include "engine/builtin/parked/gather.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "engine/parked/park.h"
#include "engine/report.h"
#include "image/mailbox.h"

/** The options of a freeze; all of it must stay valid until ckpt_freeze() returns. */
struct ckpt_freeze {
    const struct ckpt_host *host;
    bool trial;   /**< up to the point at which the image would be written; no file is needed */
    int dir_fd;   /**< the image directory */
    int image_fd; /**< the temporary file in it, empty, open for writing */
    const char *image_temp;                 /**< its name there */
    const struct ckpt_rehearsal *rehearsal; /**< run before the image gets its name; NULL: none */
    const char *manifest_temp;              /**< the name of the manifest, already written */
    uint8_t id[16];
    const char *java;   /**< one line about the JVM, for people */
    const int *own_fds; /**< descriptors that a restore does not make again */
    size_t own_fd_count;
    /** ckpt_freeze_check() adds what policies change, a restored process what it could not set */
    struct ckpt_report *warnings;
    struct ckpt_park_options park;
    struct ckpt_mailbox *mailbox;             /**< in the agent's data; the restorer writes it */
    const char *tmp_dir;                      /**< java.io.tmpdir, absolute; NULL: not known */
    const char *java_home;                    /**< java.home, likewise */
    const struct ckpt_temporary *temporaries; /**< files to save in the image */
    size_t temporary_count;
    uint64_t deleted_limit; /**< bytes of deleted files that may be in the image */
    int64_t started_ns;     /**< when the JVM was first started, before any restore; wall clock */
};

/**
 * The pre-check: find, while the JVM runs, everything that prevents a freeze.
 * @return 0 with the obstacles in @report (report->count), -1 if the pre-check itself failed
 */
int ckpt_freeze_check(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                      struct ckpt_error *error);

/**
 * Find, with all threads parked, what prevents a freeze: stop and examine everything that
 * ckpt_freeze() does, and let the threads continue. Adds to @report what it does not have.
 */
void ckpt_freeze_try(const struct ckpt_freeze *freeze, struct ckpt_report *report);

/**
 * Freeze the process and end it with SIGKILL when the image is complete, unless
 * host->leave_running. On failure all threads continue, the temporary files are removed and @report
 * has the reason.
 */
enum ckpt_freeze_result ckpt_freeze(const struct ckpt_freeze *freeze, struct ckpt_report *report);

#endif
