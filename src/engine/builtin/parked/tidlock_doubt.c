/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Something that looks like a held lock and has no second proof is either a lock whose owner has
 * returned to Java since it took it, or data with the same numbers.  A lock must not be overlooked,
 * and data must not prevent checkpoints for ever, as it would in a container, where TIDs are as
 * small as many other numbers.  These functions recognise some of the data with certainty, because
 * no thread can have taken such a lock.
 */
#include "base/raw.h"
#include "engine/builtin/parked/tidlock_finder.h"

/* Whether this library may call the functions that take such a lock. */
static bool may_lock(const struct ckpt_tidlock_finder *finder, struct ckpt_library *library,
                     const struct ckpt_tidlock *lock)
{
    return ckpt_tidlock_imports_any(finder, library, ckpt_tidlock_imports(lock) | CKPT_IMPORTS_ANY);
}

static bool may_any_lock(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    for (size_t i = 0; i < finder->mappings.libraries.count; i++)
        if (may_lock(finder, ckpt_array_at(&finder->mappings.libraries, i), lock))
            return true;
    return false;
}

/*
 * Whether the owner has a frame of Java code, from which it may have called any library, or of a
 * library that may lock.  The JVM's own threads have neither: garbage collectors, compilers, and
 * the first thread, which waits for the end of the one that runs main().  If the whole stack of the
 * owner is not known, the answer is true.
 */
static bool may_owner_lock(const struct ckpt_tidlock_finder *finder,
                           const struct ckpt_tidlock *lock)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, lock->slot);
    struct ckpt_range stack = ckpt_tidlock_stack(finder, slot);
    const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, stack.start);
    bool whole = stack.end == slot->thread.pointer ||
                 (mapping && ckpt_raw_equal(mapping->path, "[stack]") && stack.end == mapping->end);

    if (!slot->frame || !whole)
        return true;
    for (const uint64_t *at = (const uint64_t *)stack.start; at < (const uint64_t *)stack.end;
         at++) {
        struct ckpt_library *library;

        if (!ckpt_mappings_is_return_address(&finder->mappings, *at))
            continue;
        library = ckpt_mappings_library_at(&finder->mappings, *at);
        if (!library || may_lock(finder, library, lock))
            return true;
    }
    return false;
}

/*
 * Whether the word in front of the object points into the JVM's own memory: its heap, its classes,
 * its code.  Only structures of the JVM have such pointers, and often begin with one: an entry of
 * its OopMapCache has a method, and then for example the numbers 2, 1, 6, 1, 1, 0.  The word in
 * front of a library's lock is the size of its block from malloc(), or another member of its
 * structure.
 */
static bool is_of_jvm(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    uint64_t word;

    if (!ckpt_mappings_peek(lock->address - sizeof word, &word, sizeof word) ||
        ckpt_mappings_library_at(&finder->mappings, word))
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
