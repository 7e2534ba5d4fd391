/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Locks that name their owner by TID, which is another one in a restored process.
 *
 * With all threads parked they are looked for in native memory, and what is to be rewritten is
 * noted in the park session, which is part of the image.  In the restored process the coordinator
 * rewrites all of it, when every thread has its new TID and none has been released.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_H
#define CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_H

#include "base/error.h"
#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/park.h"

enum ckpt_tidlock_verdict {
    CKPT_TIDLOCK_ERROR = -1,
    CKPT_TIDLOCK_FREE,   /**< no such lock is held */
    CKPT_TIDLOCK_HELD,   /**< some are, all of them proven and noted */
    CKPT_TIDLOCK_MOVING, /**< a thread is between reading its TID and storing it in a lock */
    /** Something looks like a held lock, and nothing else says it is one; or a thread waits for
     * one, with its TID in an unknown place. */
    CKPT_TIDLOCK_UNPROVEN,
    CKPT_TIDLOCK_SHARED, /**< one is in a file that other processes may have mapped */
};

/** What was found at this moment. */
struct ckpt_tidlock_state {
    enum ckpt_tidlock_verdict verdict;
    uint32_t held, unproven;
    uint32_t *word; /**< a word that changes when the lock in question is released, or NULL */
    uint32_t value; /**< what it is now */
    uint32_t tid;   /**< without a word: the thread in question */
    char text[512]; /**< for MOVING, UNPROVEN and SHARED: which lock, whose, where */
};

/**
 * Look for such locks, with all threads parked, and note in @park what is to be rewritten.
 * @param skip  ascending ranges of whole pages in which there are none: the JVM's own memory
 */
enum ckpt_tidlock_verdict ckpt_tidlock_find(struct ckpt_park *park, const struct ckpt_range *skip,
                                            size_t skip_count, struct ckpt_tidlock_state *ret_state,
                                            struct ckpt_error *error);

/**
 * With the threads released: until that lock changes hands, or that thread has run on.
 * @return false if the lock did not within @limit_ms
 */
bool ckpt_tidlock_wait(const struct ckpt_tidlock_state *state, unsigned limit_ms);

/** In the restored process, all threads there and none released: rewrite what was noted. */
void ckpt_tidlock_apply(struct ckpt_park *park);

#endif
