/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The freezing half of the built-in engine, as its preparation in the JVM (job.c) uses it.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_FREEZE_H
#define CKPT_ENGINE_BUILTIN_FREEZE_FREEZE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/builtin/freeze/run_rehearsal.h"
#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/park.h"
#include "engine/engine.h"
#include "engine/host.h"
#include "engine/report.h"
#include "image/mailbox.h"

/** What to freeze and how; all of it stays valid until ckpt_freeze() returns. */
struct ckpt_freeze {
    const struct ckpt_host *host;
    int dir_fd;             /**< the image directory */
    int image_fd;           /**< the temporary file in it, empty, open for writing */
    const char *image_temp; /**< its name there */
    const struct ckpt_rehearsal *rehearsal; /**< passed before the image has its name; NULL: none */
    const char *manifest_temp;              /**< the manifest's, already written */
    uint8_t id[16];
    const char *java;   /**< one line about the JVM, for people */
    const int *own_fds; /**< descriptors that a restore does not make again */
    size_t own_fd_count;
    struct ckpt_report *warnings; /**< what policies change, from ckpt_freeze_check() */
    struct ckpt_park_options park;
    struct ckpt_mailbox *mailbox;             /**< in the agent's data; the restorer writes it */
    const char *tmp_dir;                      /**< java.io.tmpdir, absolute; NULL: not known */
    const char *java_home;                    /**< java.home, likewise */
    const struct ckpt_temporary *temporaries; /**< files that are to be in the image too */
    size_t temporary_count;
    uint64_t deleted_limit; /**< bytes of deleted files that may be in the image */
    int64_t started_ns;     /**< when the JVM was started first, by the wall clock */
};

/**
 * Look before leaping: everything that would stand against a freeze, while the JVM runs.
 * @return 0 with what was found in @report (report->count), -1 if the look itself failed
 */
int ckpt_freeze_check(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                      struct ckpt_error *error);

/**
 * Freeze the process; ends it with SIGKILL when the image is whole, unless host->leave_running.
 * On failure every thread runs on, the temporary files are gone and @report says why.
 */
enum ckpt_freeze_result ckpt_freeze(const struct ckpt_freeze *freeze, struct ckpt_report *report);

#endif
