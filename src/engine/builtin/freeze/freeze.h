/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The freezing half of the built-in engine, as the agent uses it.
 */
#ifndef CKPT_ENGINE_BUILTIN_FREEZE_FREEZE_H
#define CKPT_ENGINE_BUILTIN_FREEZE_FREEZE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/builtin/freeze/run_rehearsal.h"
#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/park.h"
#include "engine/report.h"
#include "image/mailbox.h"

/** What to freeze and how; all of it stays valid until ckpt_freeze() returns. */
struct ckpt_freeze {
    int dir_fd;             /**< the image directory */
    int image_fd;           /**< the temporary file in it, empty, open for writing */
    const char *image_temp; /**< its name there */
    const struct ckpt_rehearsal *rehearsal; /**< passed before the image has its name; NULL: none */
    const char *manifest_temp; /**< the manifest's, already written; NULL if there is none */
    uint8_t id[16];
    bool leave_running;
    bool name_copies;     /**< refuse each descriptor of an open file, not only the first */
    uint32_t agent_flags; /**< CKPT_AGENT_* flags */
    const char *java;     /**< one line about the JVM, for people */
    const char *kept;     /**< random generators that clones share, "COUNT CLASS" and a zero each */
    size_t kept_size;
    const int *own_fds; /**< descriptors that the agent sees to itself */
    size_t own_fd_count;
    const struct ckpt_policies *policies; /**< rules for open descriptors; NULL: none */
    struct ckpt_report *warnings; /**< what they change, from ckpt_freeze_check(); NULL: no word */
    struct ckpt_park_options park;
    uint64_t perf_start;    /**< where HotSpot's own hsperfdata is mapped and shared; 0: nowhere */
    const char *executable; /**< the JVM's program at its first start; NULL: as it is now */
    struct ckpt_mailbox *mailbox;             /**< in the agent's data; the restorer writes it */
    const char *tmp_dir;                      /**< java.io.tmpdir, absolute; NULL: not known */
    const char *java_home;                    /**< java.home, likewise */
    const struct ckpt_temporary *temporaries; /**< files that are to be in the image too */
    size_t temporary_count;
    uint64_t deleted_limit; /**< bytes of deleted files that may be in the image */
    int64_t started_ns;     /**< when the JVM was started first, by the wall clock */
    /**
     * With everyone parked: whether free_memory() can be asked just now.  If not, the threads run
     * on for a moment and are parked again, a number of times.  NULL: always.
     */
    bool (*at_rest)(void *context, const struct ckpt_park *park);
    /**
     * With everyone parked and at rest: memory whose content does not matter, ascending.  NULL if
     * nothing is known.
     * @return how many ranges were written to @ret, at most @room
     */
    size_t (*free_memory)(void *context, struct ckpt_range *ret, size_t room);
    /** With everyone parked: what no thread uses of the stacks that are known. NULL: none. */
    size_t (*unused_stacks)(void *context, const struct ckpt_park *park, struct ckpt_range *ret,
                            size_t room);
    /**
     * With everyone parked: the JVM's own memory, of which it is known that no program relies on
     * its being anonymous: a restore may map it from the image.  NULL: none is known.
     */
    size_t (*lazy_memory)(void *context, const struct ckpt_park *park, struct ckpt_range *ret,
                          size_t room);
    /** With everyone parked: why the process is not to be frozen, a message; NULL: it may be. */
    const char *(*unfit)(void *context, const struct ckpt_park *park);
    /** Now and then while the image is written; may write to a descriptor. NULL allowed. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    /** When the image is whole and the process is about to end. NULL allowed. */
    void (*before_end)(void *context);
    /** In the restored process, before anyone else runs: raw system calls only. NULL allowed. */
    void (*after_restore)(void *context);
    void *context; /**< for all these functions */
};

enum ckpt_freeze_result {
    CKPT_FREEZE_FAILED = -1,  /**< nothing happened: see the report */
    CKPT_FREEZE_WRITTEN = 0,  /**< the image is there and the process goes on (leave_running) */
    CKPT_FREEZE_RESTORED = 1, /**< this is the restored process */
};

/**
 * Look before leaping: everything that would stand against a freeze, while the JVM runs.
 * @return 0 with what was found in @report (report->count), -1 if the look itself failed
 */
int ckpt_freeze_check(const struct ckpt_freeze *freeze, struct ckpt_report *report,
                      struct ckpt_error *error);

/**
 * Freeze the process; ends it with SIGKILL when the image is whole, unless leave_running.
 * On failure every thread runs on, the temporary files are gone and @report says why.
 */
enum ckpt_freeze_result ckpt_freeze(const struct ckpt_freeze *freeze, struct ckpt_report *report);

#endif
