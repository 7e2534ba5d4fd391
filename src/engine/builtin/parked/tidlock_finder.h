/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The state of one search for locks with a TID (tidlock.h), and the functions of its parts.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_FINDER_H
#define CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_FINDER_H

#include "engine/builtin/parked/mappings.h"
#include "engine/builtin/parked/tidlock.h"
#include "engine/builtin/parked/tidlock_layout.h"

/** An object all of whose fields are as in a held lock. */
struct ckpt_tidlock {
    uint64_t address;
    uint32_t slot; /**< of the thread that seems to hold it */
    enum ckpt_tidlock_kind kind;
    bool proven;
    bool ambiguous; /**< other data often looks like it: see ckpt_tidlock_is_ambiguous() */
    bool is_shared; /**< in a mapped file, so that other processes may use it */
};

#define CKPT_TIDLOCK_OWN 2                 /* ranges in `own` */
#define CKPT_TIDLOCK_HOPS 2                /* from a frame to the lock, through structures */
#define CKPT_TIDLOCK_WINDOW ((size_t)2048) /* of each of these */

struct ckpt_tidlock_finder {
    struct ckpt_park *park;
    const struct ckpt_range *skip;
    size_t skip_count;
    struct ckpt_scratch scratch;
    /* The park session and the scratch memory, which have TIDs and no locks. The kernel may have
     * merged these mappings with the application's, so they are known by their addresses. */
    struct ckpt_range own[CKPT_TIDLOCK_OWN];
    struct ckpt_mappings mappings;
    struct ckpt_array locks; /* struct ckpt_tidlock */
    uint32_t min_tid, range; /* TIDs are in [min_tid, min_tid + range] */
    uint64_t *bits;          /* a bit for each number in that range: whether it is a TID */
    uint32_t *object; /* for a copy of an object; not on the stack, where it would be found */
    uint64_t *page;   /* for a copy of a page of a file */
    uint64_t *windows[CKPT_TIDLOCK_HOPS]; /* for copies of structures that may be unmapped */
    int pagemap;
    struct ckpt_tidlock_state *state;
};

/** The slot of a thread: @index is that of a slot, or CKPT_PARK_COORDINATOR. */
static inline struct ckpt_slot *ckpt_tidlock_slot(struct ckpt_park *park, uint32_t index)
{
    return index == CKPT_PARK_COORDINATOR ? &park->coordinator : &park->slots[index];
}

/** The instruction pointer and the stack pointer of a parked thread; 0 for the coordinator. */
static inline uint64_t ckpt_tidlock_ip(const struct ckpt_slot *slot)
{
    return slot->frame ? ckpt_arch_frame_ip(slot->frame) : 0;
}

static inline uint64_t ckpt_tidlock_sp(const struct ckpt_slot *slot)
{
    return slot->frame ? ckpt_arch_frame_sp(slot->frame) : 0;
}

/** Fill in `locks` from memory (tidlock_scan.c). */
int ckpt_tidlock_scan(struct ckpt_tidlock_finder *finder, struct ckpt_error *error);

/** Add a lock to `locks`, unless it is there. */
int ckpt_tidlock_add(struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                     struct ckpt_error *error);

/** If @lock has no second proof, search for one (tidlock_proof.c). */
void ckpt_tidlock_prove(struct ckpt_tidlock_finder *finder, struct ckpt_tidlock *lock);

/**
 * Whether something without a second proof may still be a held lock (tidlock_doubt.c): a library
 * that may use such locks is loaded, the owner may have called it, and the object is not part of a
 * structure of the JVM.
 */
bool ckpt_tidlock_is_possible(struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock);

/** The flag CKPT_IMPORTS_* of libraries that use such a lock. */
static inline uint32_t ckpt_tidlock_imports(const struct ckpt_tidlock *lock)
{
    return lock->kind == CKPT_TIDLOCK_RWLOCK ? CKPT_IMPORTS_RWLOCK : CKPT_IMPORTS_MUTEX;
}

/** Whether a library has one of these CKPT_IMPORTS_*, and is not Java's or a C or C++ runtime. */
bool ckpt_tidlock_imports_any(const struct ckpt_tidlock_finder *finder,
                              struct ckpt_library *library, uint32_t flags);

/** The part of a thread's stack that is in use and readable, at most CKPT_TIDLOCK_STACK bytes. */
struct ckpt_range ckpt_tidlock_stack(const struct ckpt_tidlock_finder *finder,
                                     const struct ckpt_slot *slot);

#define CKPT_TIDLOCK_STACK ((uint64_t)1 << 20)

/** For messages: the library or mapping of a lock without proof, as far as known; never NULL. */
const char *ckpt_tidlock_location(const struct ckpt_tidlock_finder *finder,
                                  const struct ckpt_tidlock *lock);

/** Whether the thread waits in futex(2), and on which word (tidlock_waiter.c). */
bool ckpt_tidlock_waits_on(const struct ckpt_slot *slot, uint64_t *ret_word);

/**
 * Whether the thread is in glibc's code between reading its TID and storing it in a lock or
 * comparing it with one.
 */
bool ckpt_tidlock_is_in_progress(const struct ckpt_tidlock_finder *finder,
                                 const struct ckpt_slot *slot);

/**
 * A thread that waits for a robust or PI mutex, or for one with a timeout, has read its TID before
 * the wait and stores it afterwards. Note the words that hold it.
 * @return 0; 1 if it is not certain which words do; -1 if there is no room
 */
int ckpt_tidlock_note_waiter(const struct ckpt_tidlock_finder *finder, uint32_t index);

/** Note a word to be rewritten; false if there is no room. */
bool ckpt_tidlock_note(struct ckpt_park *park, uint64_t word, uint32_t keep, uint32_t slot);

#endif
