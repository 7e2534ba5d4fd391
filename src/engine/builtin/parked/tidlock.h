/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Locks that store the TID of their owner, which has another TID in a restored process.
 *
 * While all threads are parked, the freeze searches native memory for such locks, and records the
 * words that must be rewritten in the park session, which is part of the image.  In the restored
 * process the coordinator rewrites these, after every thread has its new TID and before any is
 * released.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_H
#define CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_H

#include "base/error.h"
#include "engine/builtin/parked/gather.h"
#include "engine/parked/park.h"

enum ckpt_tidlock_verdict {
    CKPT_TIDLOCK_ERROR = -1,
    CKPT_TIDLOCK_FREE,        /**< no such lock is held */
    CKPT_TIDLOCK_HELD,        /**< some are held; all are proven, and their words are recorded */
    CKPT_TIDLOCK_IN_PROGRESS, /**< a thread has read its TID and not yet stored it in a lock */
    /** Something looks like a held lock, without a second proof that it is one; or a thread waits
     * for a lock, and it is not known where its TID is. */
    CKPT_TIDLOCK_UNPROVEN,
    CKPT_TIDLOCK_SHARED, /**< a held lock is in a file that other processes may have mapped */
};

/** The result of one search. */
struct ckpt_tidlock_state {
    enum ckpt_tidlock_verdict verdict;
    uint32_t held, unproven;
    uint32_t *word; /**< a word that changes when the lock in question is released, or NULL */
    uint32_t value; /**< its value now */
    uint32_t tid;   /**< the thread to wait for, if `word` is NULL */
    char
        text[512]; /**< for IN_PROGRESS, UNPROVEN and SHARED: names the lock, its owner and place */
};

/**
 * Find such locks while all threads are parked, and record in @park the words to be rewritten.
 * @param skip  ascending ranges of whole pages that have none: the JVM's own memory
 */
enum ckpt_tidlock_verdict ckpt_tidlock_find(struct ckpt_park *park, const struct ckpt_range *skip,
                                            size_t skip_count, struct ckpt_tidlock_state *ret_state,
                                            struct ckpt_error *error);

/**
 * After the threads have been released: wait until the lock in @state has another owner or none, or
 * until the thread in @state has left the code that takes or releases a lock.
 * @return false if the lock has the same owner after @limit_ms
 */
bool ckpt_tidlock_wait(const struct ckpt_tidlock_state *state, unsigned limit_ms);

/**
 * In the restored process, while all threads are parked: write the new TIDs into the lock words
 * that ckpt_tidlock_find() recorded.
 */
void ckpt_tidlock_apply(struct ckpt_park *park);

#endif
