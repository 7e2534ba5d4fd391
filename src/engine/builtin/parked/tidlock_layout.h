/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The layout of glibc's locks that store the TID of their owner, on x86-64, since glibc 2.25
 * (struct __pthread_mutex_s, struct __pthread_rwlock_arch_t).
 *
 * These functions examine a whole object: every field must have a value that such a lock can have
 * while it is held.  Normal and adaptive mutexes store their owner too, but glibc never reads it,
 * so they need no new TID unless they are robust or PI.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_LAYOUT_H
#define CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum ckpt_tidlock_kind {
    CKPT_TIDLOCK_NONE,
    CKPT_TIDLOCK_MUTEX,  /**< recursive or error-checking: the TID is in __owner */
    CKPT_TIDLOCK_FUTEX,  /**< robust or priority-inheriting: in __owner and in __lock */
    CKPT_TIDLOCK_RWLOCK, /**< held for writing: in __cur_writer */
};

/* pthread_mutex_t and mtx_t, in words of 32 bits. */
enum {
    CKPT_MUTEX_LOCK,
    CKPT_MUTEX_COUNT,
    CKPT_MUTEX_OWNER,
    CKPT_MUTEX_USERS,
    CKPT_MUTEX_KIND,
    CKPT_MUTEX_SPINS, /* and __elision */
    CKPT_MUTEX_LIST,  /* two pointers */
    CKPT_MUTEX_WORDS = CKPT_MUTEX_LIST + 4,
};

/* pthread_rwlock_t. */
enum {
    CKPT_RWLOCK_READERS,
    CKPT_RWLOCK_WRITERS,
    CKPT_RWLOCK_PHASE_FUTEX,
    CKPT_RWLOCK_WRITERS_FUTEX,
    CKPT_RWLOCK_PADDING,
    CKPT_RWLOCK_OWNER = 6,
    CKPT_RWLOCK_SHARED,
    CKPT_RWLOCK_ELISION, /* and padding of three words */
    CKPT_RWLOCK_FLAGS = 12,
    CKPT_RWLOCK_WORDS = 14,
};

#define CKPT_MUTEX_TYPE 3u /* bits of __kind; 1 recursive, 2 error-checking */
#define CKPT_MUTEX_ROBUST 16u
#define CKPT_MUTEX_INHERIT 32u
#define CKPT_MUTEX_PROTECT 64u
#define CKPT_MUTEX_SHARED 128u
#define CKPT_MUTEX_ELISION 768u        /* elision is on or off; only in normal mutexes */
#define CKPT_MUTEX_CEILING 0xfff80000u /* bits of __lock, if PROTECT */
#define CKPT_FUTEX_TID 0x3fffffffu     /* bits of __lock, if ROBUST or INHERIT */
#define CKPT_TIDLOCK_MAX_COUNT 0xffffu /* an object with more users or recursions is not a lock */

static inline bool ckpt_tidlock_is_taken(uint32_t lock)
{
    return lock == 1 || lock == 2;
}

/** Whether __kind is that of a mutex whose __owner glibc reads. */
static inline bool ckpt_tidlock_kind_fits(uint32_t kind)
{
    uint32_t type = kind & CKPT_MUTEX_TYPE;
    uint32_t protocol = kind & (CKPT_MUTEX_ROBUST | CKPT_MUTEX_INHERIT | CKPT_MUTEX_PROTECT);

    if (kind & ~(CKPT_MUTEX_TYPE | CKPT_MUTEX_SHARED | CKPT_MUTEX_ELISION | protocol) ||
        ((kind & CKPT_MUTEX_ELISION) && type))
        return false;
    if (protocol & CKPT_MUTEX_PROTECT)
        return protocol == CKPT_MUTEX_PROTECT && (type == 1 || type == 2);
    return protocol || type == 1 || type == 2;
}

/** The kind of the mutex at @words, if @tid holds it. */
static inline enum ckpt_tidlock_kind ckpt_tidlock_mutex(const uint32_t *words, uint32_t tid)
{
    const uint32_t *list = words + CKPT_MUTEX_LIST;
    uint32_t kind = words[CKPT_MUTEX_KIND], lock = words[CKPT_MUTEX_LOCK];
    uint32_t count = words[CKPT_MUTEX_COUNT], users = words[CKPT_MUTEX_USERS];
    bool prev = list[0] | list[1], next = list[2] | list[3];

    if (words[CKPT_MUTEX_OWNER] != tid || !ckpt_tidlock_kind_fits(kind) ||
        words[CKPT_MUTEX_SPINS] || users == 0 || users > CKPT_TIDLOCK_MAX_COUNT ||
        count > CKPT_TIDLOCK_MAX_COUNT)
        return CKPT_TIDLOCK_NONE;
    if (kind & CKPT_MUTEX_ROBUST ? !prev || !next : prev || next)
        return CKPT_TIDLOCK_NONE;
    if (kind & (CKPT_MUTEX_ROBUST | CKPT_MUTEX_INHERIT))
        return count && (lock & CKPT_FUTEX_TID) == tid ? CKPT_TIDLOCK_FUTEX : CKPT_TIDLOCK_NONE;
    if (kind & CKPT_MUTEX_PROTECT)
        return count && ckpt_tidlock_is_taken(lock & ~CKPT_MUTEX_CEILING) ? CKPT_TIDLOCK_MUTEX
                                                                          : CKPT_TIDLOCK_NONE;
    return ckpt_tidlock_is_taken(lock) && ((kind & CKPT_MUTEX_TYPE) == 1) == (count != 0)
               ? CKPT_TIDLOCK_MUTEX
               : CKPT_TIDLOCK_NONE;
}

/**
 * Whether a held mutex is like other data that real processes have: five ones in a row (the owner
 * is 1), or nodes of HotSpot's compiler in freed memory, with a number other than 1 in place of the
 * users. A real mutex has more than one user only while threads wait for a condition variable.
 */
static inline bool ckpt_tidlock_is_ambiguous(const uint32_t *words)
{
    return words[CKPT_MUTEX_OWNER] == 1 || words[CKPT_MUTEX_USERS] != 1;
}

/** CKPT_TIDLOCK_RWLOCK if @words are a read-write lock that @tid holds for writing. */
static inline enum ckpt_tidlock_kind ckpt_tidlock_rwlock(const uint32_t *words, uint32_t tid)
{
    const uint32_t *padding = words + CKPT_RWLOCK_PADDING, *elision = words + CKPT_RWLOCK_ELISION;
    uint32_t phase = words[CKPT_RWLOCK_PHASE_FUTEX], writers = words[CKPT_RWLOCK_WRITERS_FUTEX];

    if (words[CKPT_RWLOCK_OWNER] == tid && (words[CKPT_RWLOCK_READERS] & 3) == 3 &&
        (words[CKPT_RWLOCK_WRITERS] & 0x7fffffff) <= CKPT_TIDLOCK_MAX_COUNT &&
        (phase == 1 || phase == 3) && (writers == 1 || writers == 3) &&
        !(padding[0] | padding[1] | elision[0] | elision[1] | elision[2] | elision[3]) &&
        words[CKPT_RWLOCK_SHARED] <= 1 && words[CKPT_RWLOCK_FLAGS] <= 3)
        return CKPT_TIDLOCK_RWLOCK;
    return CKPT_TIDLOCK_NONE;
}

#endif
