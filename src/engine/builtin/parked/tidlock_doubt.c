/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * What looks like a held lock and has no second proof is either a lock that its owner has taken and
 * then gone back into Java with, or numbers that happen to be the same.  The first must not be
 * overlooked, the second must not stand in the way of a checkpoint for ever, as it would in a
 * container, where TIDs are as small as other numbers are.  This tells some of the second for
 * certain: no thread can have taken the lock.
 */
#include "base/raw.h"
#include "engine/builtin/parked/tidlock_finder.h"

/* Whether code of this library may have taken such a lock. */
static bool may_lock(const struct ckpt_tidlock_finder *finder, struct ckpt_library *library,
                     const struct ckpt_tidlock *lock)
{
    return ckpt_tidlock_imports_any(finder, library, ckpt_tidlock_imports(lock) | CKPT_IMPORTS_ANY);
}

static bool may_any_lock(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    for (size_t i = 0; i < finder->areas.libraries.count; i++)
        if (may_lock(finder, ckpt_array_at(&finder->areas.libraries, i), lock))
            return true;
    return false;
}

/*
 * Whether the owner has a frame of Java code, from which it may have called any library, or of a
 * library that may lock.  Threads of the JVM's own have neither: those of collectors and compilers,
 * and the first one, which waits for the end of the one that runs main().  What an unknown stack
 * has cannot be told.
 */
static bool may_owner_lock(const struct ckpt_tidlock_finder *finder,
                           const struct ckpt_tidlock *lock)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, lock->slot);
    struct ckpt_range stack = ckpt_tidlock_stack(finder, slot);
    const struct ckpt_area *area = ckpt_areas_at(&finder->areas, stack.start);
    bool whole = stack.end == slot->thread.pointer ||
                 (area && ckpt_raw_equal(area->path, "[stack]") && stack.end == area->end);

    if (!slot->frame || !whole)
        return true;
    for (const uint64_t *at = (const uint64_t *)stack.start; at < (const uint64_t *)stack.end;
         at++) {
        struct ckpt_library *library;

        if (!ckpt_areas_is_return(&finder->areas, *at))
            continue;
        library = ckpt_areas_library(&finder->areas, *at);
        if (!library || may_lock(finder, library, lock))
            return true;
    }
    return false;
}

/*
 * Whether the word in front of it points into memory of the JVM's own: its heap, its classes, its
 * code.  In front of an object of the application's is the size of its block of memory, or another
 * member, and no library has such pointers; structures of the JVM's begin with one (an entry of its
 * cache of maps of frames has a method, and then the numbers 2, 1, 6, 1, 1, 0).
 */
static bool is_of_jvm(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    uint64_t word;

    if (!ckpt_areas_peek(lock->address - sizeof word, &word, sizeof word) ||
        ckpt_areas_library(&finder->areas, word))
        return false;
    for (size_t i = 0; i < finder->skip_count; i++)
        if (word >= finder->skip[i].start && word < finder->skip[i].end)
            return true;
    return false;
}

bool ckpt_tidlock_is_possible(struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    return may_any_lock(finder, lock) && may_owner_lock(finder, lock) && !is_of_jvm(finder, lock);
}
