/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the parts of tidlock.h share: one search, in memory that is gone when it is over.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_FINDER_H
#define CKPT_ENGINE_BUILTIN_PARKED_TIDLOCK_FINDER_H

#include "engine/builtin/parked/mappings.h"
#include "engine/builtin/parked/tidlock.h"
#include "engine/builtin/parked/tidlock_layout.h"

/** Something that looks like a held lock in every respect. */
struct ckpt_tidlock {
    uint64_t address;
    uint32_t slot; /**< of the thread that seems to hold it */
    enum ckpt_tidlock_kind kind;
    bool proven;
    bool weak;      /**< numbers that are something else as often: see ckpt_tidlock_is_weak() */
    bool is_shared; /**< in a file, by which other processes may share it */
};

struct ckpt_tidlock_finder {
    struct ckpt_park *park;
    const struct ckpt_range *skip;
    size_t skip_count;
    struct ckpt_scratch scratch;
    struct ckpt_areas areas;
    struct ckpt_array locks; /* struct ckpt_tidlock */
    uint32_t least, range;   /* TIDs are in [least, least + range] */
    uint64_t *bits;          /* one for each number in there */
    uint32_t *object;        /* a copy of what spans two pages; no such copy is on the stack */
    uint64_t *page;          /* of a file: a copy */
    uint64_t *window;        /* CKPT_TIDLOCK_WINDOW bytes of memory that may not be there */
    int pagemap;
    bool by_pagemap; /* the kernel has no PAGEMAP_SCAN */
    struct ckpt_tidlock_state *state;
};

#define CKPT_TIDLOCK_WINDOW ((size_t)2048)

/** A thread by its index: a slot's, or CKPT_PARK_COORDINATOR. */
static inline struct ckpt_slot *ckpt_tidlock_slot(struct ckpt_park *park, uint32_t index)
{
    return index == CKPT_PARK_COORDINATOR ? &park->coordinator : &park->slots[index];
}

/** Where a parked thread is, and its stack pointer; of the coordinator neither is known, 0. */
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

/** Note a lock, once. */
int ckpt_tidlock_add(struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                     struct ckpt_error *error);

/** Look for a second proof of what has none (tidlock_proof.c). */
void ckpt_tidlock_prove(struct ckpt_tidlock_finder *finder, struct ckpt_tidlock *lock);

/**
 * Whether something without a proof can be a held lock all the same (tidlock_doubt.c): a library
 * that may have such locks is loaded, its owner may have run code of it, and it is not a part of
 * something of the JVM's.
 */
bool ckpt_tidlock_is_possible(struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock);

/** The flag of the functions for such a lock: CKPT_IMPORTS_*. */
static inline uint32_t ckpt_tidlock_imports(const struct ckpt_tidlock *lock)
{
    return lock->kind == CKPT_TIDLOCK_RWLOCK ? CKPT_IMPORTS_RWLOCK : CKPT_IMPORTS_MUTEX;
}

/** Whether a library of neither Java nor the C and C++ runtimes has one of these CKPT_IMPORTS_*. */
bool ckpt_tidlock_imports_any(const struct ckpt_tidlock_finder *finder,
                              struct ckpt_library *library, uint32_t flags);

/** What of a parked thread's stack is in use and can be read, at most CKPT_TIDLOCK_STACK bytes. */
struct ckpt_range ckpt_tidlock_stack(const struct ckpt_tidlock_finder *finder,
                                     const struct ckpt_slot *slot);

#define CKPT_TIDLOCK_STACK ((uint64_t)1 << 20)

/** The library that a lock without proof is of, as far as that can be told; never NULL. */
const char *ckpt_tidlock_place(const struct ckpt_tidlock_finder *finder,
                               const struct ckpt_tidlock *lock);

/** Whether the thread waits in futex(2), and if so on which word (tidlock_waiter.c). */
bool ckpt_tidlock_waits(const struct ckpt_slot *slot, uint64_t *ret_word);

/**
 * Whether glibc has the thread's TID in a register or in a frame of its own and is about to store
 * it in a lock or to compare it with one.
 */
bool ckpt_tidlock_is_moving(const struct ckpt_tidlock_finder *finder, const struct ckpt_slot *slot);

/**
 * A thread that waits for a robust or PI mutex, or for one with a time limit, has read its TID
 * before the wait and stores it afterwards: note where it is.
 * @return 0; 1 if that cannot be told for certain; -1 if there is no room
 */
int ckpt_tidlock_note_waiter(const struct ckpt_tidlock_finder *finder, uint32_t index);

/** Note a word to be rewritten; false if there is no room. */
bool ckpt_tidlock_note(struct ckpt_park *park, uint64_t word, uint32_t keep, uint32_t slot);

#endif
