/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What an engine asks of the agent, its host: what is to be done, what is known of this JVM, and
 * the agent's part while all threads are parked.
 */
#ifndef CKPT_ENGINE_HOST_H
#define CKPT_ENGINE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ckpt_park;
struct ckpt_policies;
struct ckpt_range;

/** Descriptors of the agent's own, at most. */
#define CKPT_HOST_FDS_MAX 64

/**
 * Called with all other threads of the process stopped (parked): raw system calls and fixed memory
 * only.
 */
struct ckpt_host_parked {
    /** Where HotSpot keeps the calling thread's TID, or NULL; async-signal-safe. */
    uint32_t *(*cached_tid)(void);
    /**
     * Whether free_memory() can be asked now.  If not, the engine lets the threads run for a moment
     * and parks them again, a number of times.
     */
    bool (*at_rest)(const struct ckpt_park *park);
    /**
     * At rest: memory whose content does not matter, ascending.
     * @return how many ranges were written to @ret, at most @room
     */
    size_t (*free_memory)(struct ckpt_range *ret, size_t room);
    /** What no thread uses of the stacks that are known. */
    size_t (*unused_stacks)(const struct ckpt_park *park, struct ckpt_range *ret, size_t room);
    /** The JVM's own memory, of which it is known that no program relies on its being anonymous:
     * a restore may map it from the image. */
    size_t (*lazy_memory)(const struct ckpt_park *park, struct ckpt_range *ret, size_t room);
    /** Why the process is not to be frozen, a message; NULL: it may be. */
    const char *(*unfit)(const struct ckpt_park *park);
    /** Now and then while the image is written. @context is the host's. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    /** The image is whole and the process is about to end. */
    void (*before_end)(void *context);
    /** In the restored process, before any other thread runs. */
    void (*after_restore)(void);
};

struct ckpt_host {
    const char *directory; /**< the image directory, made if it is not there */
    bool leave_running;    /**< the process continues when the image is written */
    bool may_collect;      /**< garbage collection is allowed */
    bool rehearse;         /**< the image must pass a rehearsal */
    bool name_copies;      /**< refuse each descriptor of an open file, not only the first */
    unsigned rehearsal_timeout_s, park_timeout_ms;
    const char *restore_policies, *restore_cwd; /**< that restores will be given; "": none */
    unsigned temporaries_mib; /**< of temporary and of deleted files that may be in the image */
    const struct ckpt_policies *policies; /**< rules for open descriptors; NULL: none */

    const char *executable; /**< the JVM's program at its first start; NULL: as it is now */
    uint64_t perf_start;    /**< where HotSpot's own hsperfdata is mapped and shared; 0: nowhere */
    bool heap_is_known;     /**< at_rest() and free_memory() know this JVM's heap */
    bool redirects_clock;   /**< after_restore() can make up for another monotonic clock */
    const char *kept; /**< known at freeze(): random generators that clones share, "COUNT CLASS" and
                           a zero each */
    size_t kept_size;

    /**
     * The agent's own descriptors, which it makes again in a restored process.  From here until
     * discard() none of them comes or goes.
     * @return how many were written to @ret
     */
    size_t (*hold_fds)(int ret[CKPT_HOST_FDS_MAX]);
    const struct ckpt_host_parked *parked;
    void *context; /**< for its functions */
};

#endif
