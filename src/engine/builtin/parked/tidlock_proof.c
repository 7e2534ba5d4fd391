/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * The second proof.  Memory can hold the bytes of a held lock and be none: a copy, or what is left
 * of one in freed memory, or a file's content.  To rewrite such a word would damage data, so there
 * must be something else that says that this is a lock, and that this thread holds it:
 *
 *   - the owner's robust list has it (ckpt_tidlock_scan());
 *   - it is in the data of glibc or ld.so, which have nothing else of that form;
 *   - a thread waits for it in futex(2);
 *   - it is in the data of a library that calls the functions for such locks;
 *   - the owner is inside such a library, and a frame of that library, or a register, points at the
 *     lock, at the block of memory that begins there and has the lock in it, or at a structure with
 *     a pointer to the lock;
 *   - the data of such a library points at the lock, or at its block of memory.
 *
 * The JVM, the JDK's libraries and the agent have no such locks, but handle the application's data,
 * so what they point at proves nothing.
 */
#include <sys/mman.h>

#include "base/page.h"
#include "engine/builtin/parked/tidlock_finder.h"

#define BLOCK_MOST ((uint64_t)64 << 10) /* of a structure with locks in it */

static size_t size_of(const struct ckpt_tidlock *lock)
{
    return (lock->kind == CKPT_TIDLOCK_RWLOCK ? CKPT_RWLOCK_WORDS : CKPT_MUTEX_WORDS) * 4;
}

bool ckpt_tidlock_imports_any(const struct ckpt_tidlock_finder *finder,
                              struct ckpt_library *library, uint32_t flags)
{
    return library && !library->is_java && !library->is_libc && !library->is_cxx &&
           (ckpt_areas_imports(&finder->areas, library) & flags);
}

static bool uses_locks(const struct ckpt_tidlock_finder *finder, struct ckpt_library *library,
                       const struct ckpt_tidlock *lock)
{
    return ckpt_tidlock_imports_any(finder, library, ckpt_tidlock_imports(lock));
}

/*
 * Whether @block is the start of memory from glibc's malloc that has the lock in it.  The size is
 * in front of it, and the next block says that this one is in use.
 */
static bool is_block_with(const struct ckpt_tidlock *lock, uint64_t block)
{
    uint64_t size, next;

    if (block % 16 || block > lock->address || lock->address - block >= BLOCK_MOST ||
        !ckpt_areas_peek(block - 8, &size, sizeof size))
        return false;
    size &= ~7ull;
    return size % 16 == 0 && size >= 32 && size <= BLOCK_MOST &&
           lock->address + size_of(lock) <= block + size - 8 &&
           ckpt_areas_peek(block + size - 8, &next, sizeof next) && (next & 1) && (next & ~7ull);
}

/* Whether what begins at @structure has a pointer to the lock near its start. */
static bool points_at(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                      uint64_t structure)
{
    const struct ckpt_area *area;
    uint64_t size;

    if (structure % 8)
        return false;
    area = ckpt_areas_at(&finder->areas, structure);
    if (!area || (area->prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE) ||
        area->start == (uint64_t)finder->scratch.start)
        return false;
    size =
        area->end - structure < CKPT_TIDLOCK_WINDOW ? area->end - structure : CKPT_TIDLOCK_WINDOW;
    if (!ckpt_areas_peek(structure, finder->window, size))
        return false;
    for (uint64_t i = 0; i < size / 8; i++)
        if (finder->window[i] == lock->address)
            return true;
    return false;
}

static bool leads_to(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                     uint64_t word)
{
    return word == lock->address || is_block_with(lock, word) || points_at(finder, lock, word);
}

/* ---- the owner's frames ---- */

/* The thread's block is above its stack, or the mapping ends. */
struct ckpt_range ckpt_tidlock_stack(const struct ckpt_tidlock_finder *finder,
                                     const struct ckpt_slot *slot)
{
    uint64_t top = slot->frame ? ckpt_tidlock_sp(slot) : (uint64_t)__builtin_frame_address(0);
    uint64_t start = (top + 7) & ~7ull;
    const struct ckpt_area *area = ckpt_areas_at(&finder->areas, start);
    uint64_t end = area && (area->prot & PROT_READ) ? area->end : start;

    if (slot->thread.pointer > start && slot->thread.pointer < end)
        end = slot->thread.pointer;
    if (end - start > CKPT_TIDLOCK_STACK)
        end = start + CKPT_TIDLOCK_STACK;
    return (struct ckpt_range){.start = start, .end = ckpt_areas_readable_end(start, end)};
}

static bool by_registers(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                         const struct ckpt_slot *slot)
{
    const uint64_t *word;

    for (unsigned i = 0; slot->frame && (word = ckpt_arch_frame_register(slot->frame, i)); i++)
        if (leads_to(finder, lock, *word))
            return true;
    return false;
}

/*
 * A word on the stack is taken for one of the function that the nearest return address below it
 * leads into.  Only frames above all of Java's count: the JVM and the JDK have large buffers on the
 * stack, in which frames of earlier calls can be found that are long gone.
 */
static bool by_frames(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, lock->slot);
    struct ckpt_range stack = ckpt_tidlock_stack(finder, slot);
    struct ckpt_library *library = ckpt_areas_library(&finder->areas, ckpt_tidlock_ip(slot));
    bool inside = uses_locks(finder, library, lock), uses = inside;

    if (!library || library->is_java)
        return false;
    for (const uint64_t *at = (const uint64_t *)stack.start; at < (const uint64_t *)stack.end;
         at++) {
        if (ckpt_areas_is_return(&finder->areas, *at)) {
            library = ckpt_areas_library(&finder->areas, *at);
            if (!library || library->is_java)
                break;
            inside = uses_locks(finder, library, lock);
            uses |= inside;
        } else if (inside && *at >= ckpt_page_size && leads_to(finder, lock, *at)) {
            return true;
        }
    }
    return uses && by_registers(finder, lock, slot);
}

/* ---- others ---- */

static bool by_waiter(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    for (uint32_t i = 0; i < finder->park->taken; i++) {
        uint64_t word;

        if (i == lock->slot || !ckpt_tidlock_waits(&finder->park->slots[i], &word))
            continue;
        if (lock->kind != CKPT_TIDLOCK_RWLOCK
                ? word == lock->address
                : word == lock->address + CKPT_RWLOCK_PHASE_FUTEX * 4 ||
                      word == lock->address + CKPT_RWLOCK_WRITERS_FUTEX * 4)
            return true;
    }
    return false;
}

static bool by_data(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    for (size_t i = 0; i < finder->areas.areas.count; i++) {
        const struct ckpt_area *area = ckpt_array_at(&finder->areas.areas, i);
        struct ckpt_library *library = ckpt_areas_library(&finder->areas, area->start);

        if (!(area->prot & PROT_READ) || area->prot & PROT_EXEC || !library || area->shared ||
            area->end > ckpt_page_ceil(library->end) || !uses_locks(finder, library, lock) ||
            !(area->prot & PROT_WRITE))
            continue;
        for (const uint64_t *at = (const uint64_t *)area->start; at < (const uint64_t *)area->end;
             at++) {
            /* The library may have been cut short. */
            if ((uint64_t)at % ckpt_page_size == 0 &&
                !ckpt_areas_peek((uint64_t)at, finder->window, 8)) {
                at += ckpt_page_size / sizeof *at - 1;
                continue;
            }
            if (*at == lock->address || (*at >= ckpt_page_size && is_block_with(lock, *at)))
                return true;
        }
    }
    return false;
}

void ckpt_tidlock_prove(struct ckpt_tidlock_finder *finder, struct ckpt_tidlock *lock)
{
    struct ckpt_library *library = ckpt_areas_library(&finder->areas, lock->address);

    if (!lock->proven)
        lock->proven =
            (library && library->is_libc) || by_waiter(finder, lock) || by_frames(finder, lock) ||
            (!lock->weak && (uses_locks(finder, library, lock) || by_data(finder, lock)));
}

const char *ckpt_tidlock_place(const struct ckpt_tidlock_finder *finder,
                               const struct ckpt_tidlock *lock)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, lock->slot);
    const struct ckpt_library *library = ckpt_areas_library(&finder->areas, lock->address);
    const struct ckpt_area *area = ckpt_areas_at(&finder->areas, lock->address);
    struct ckpt_range stack = ckpt_tidlock_stack(finder, slot);

    if (library)
        return library->path;
    for (const uint64_t *at = (const uint64_t *)stack.start; at < (const uint64_t *)stack.end;
         at++) {
        struct ckpt_library *frame = ckpt_areas_is_return(&finder->areas, *at)
                                         ? ckpt_areas_library(&finder->areas, *at)
                                         : NULL;

        if (frame && uses_locks(finder, frame, lock))
            return frame->path;
    }
    return area && area->path[0] ? area->path : "anonymous memory";
}
