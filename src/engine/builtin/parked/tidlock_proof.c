/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The second proof.  Memory can have the bytes of a held lock without being one: a copy of a lock,
 * freed memory, or the content of a file.  To rewrite such a word would damage data, so there must
 * be a second proof that this is a lock which this thread holds.  Any of these is one:
 *
 *   - the owner's robust list has it (ckpt_tidlock_scan());
 *   - it is in the data of glibc or ld.so, which have no other data of that form;
 *   - a thread waits for it in futex(2);
 *   - it is in the data of a library that calls the functions for such locks;
 *   - the owner is inside such a library, and a frame of that library, or a register, points to the
 *     lock, to the start of a block from malloc() that contains the lock, to a structure with such
 *     a pointer, or to a structure with a pointer to that one: a database's function often has a
 *     statement at hand, which knows its connection, which knows its lock;
 *   - the data of such a library points to the lock, or to the start of its block.
 *
 * The JVM, the JDK's libraries and the agent have no such locks, but handle the application's data,
 * so their pointers prove nothing.
 */
#include <sys/mman.h>

#include "base/page.h"
#include "engine/builtin/parked/tidlock_finder.h"

#define BLOCK_MAX ((uint64_t)64 << 10) /* the largest structure with locks in it */

static size_t size_of(const struct ckpt_tidlock *lock)
{
    return (lock->kind == CKPT_TIDLOCK_RWLOCK ? CKPT_RWLOCK_WORDS : CKPT_MUTEX_WORDS) * 4;
}

bool ckpt_tidlock_imports_any(const struct ckpt_tidlock_finder *finder,
                              struct ckpt_library *library, uint32_t flags)
{
    return library && !library->is_java && !library->is_libc && !library->is_cxx &&
           (ckpt_mappings_imports(&finder->mappings, library) & flags);
}

static bool uses_locks(const struct ckpt_tidlock_finder *finder, struct ckpt_library *library,
                       const struct ckpt_tidlock *lock)
{
    return ckpt_tidlock_imports_any(finder, library, ckpt_tidlock_imports(lock));
}

/*
 * Whether @block is the start of a block from glibc's malloc() that contains the lock.  The block's
 * size is in front of it, and bit 0 of the next block's size is set if this one is in use.
 */
static bool is_block_with(const struct ckpt_tidlock *lock, uint64_t block)
{
    uint64_t size, next;

    if (block % 16 || block > lock->address || lock->address - block >= BLOCK_MAX ||
        !ckpt_mappings_peek(block - 8, &size, sizeof size))
        return false;
    size &= ~7ull;
    return size % 16 == 0 && size >= 32 && size <= BLOCK_MAX &&
           lock->address + size_of(lock) <= block + size - 8 &&
           ckpt_mappings_peek(block + size - 8, &next, sizeof next) && (next & 1) && (next & ~7ull);
}

/* How many bytes from @address on may belong to a structure of the application; 0: none. */
static uint64_t structure_size(const struct ckpt_tidlock_finder *finder, uint64_t address)
{
    const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, address);
    uint64_t end = address + CKPT_TIDLOCK_WINDOW;

    if (!mapping || (mapping->prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE))
        return 0;
    end = mapping->end < end ? mapping->end : end;
    for (size_t i = 0; i < CKPT_TIDLOCK_OWN; i++)
        if (finder->own[i].end > address && finder->own[i].start < end)
            end = finder->own[i].start > address ? finder->own[i].start : address;
    return end - address;
}

/*
 * Whether @word is the lock's address or its block's, or leads there in at most @hops steps, each
 * from a structure to one of the pointers in its first bytes.
 */
static bool leads_to(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                     uint64_t word, unsigned hops)
{
    uint64_t size, *window;

    if (word == lock->address || is_block_with(lock, word))
        return true;
    if (!hops || word % 8 || word < ckpt_page_size)
        return false;
    size = structure_size(finder, word);
    window = finder->windows[hops - 1];
    if (!size || !ckpt_mappings_peek(word, window, size))
        return false;
    for (uint64_t i = 0; i < size / 8; i++)
        if (leads_to(finder, lock, window[i], hops - 1))
            return true;
    return false;
}

/* ---- the owner's frames ---- */

/* The stack ends at the thread's control block, or with its mapping. */
struct ckpt_range ckpt_tidlock_stack(const struct ckpt_tidlock_finder *finder,
                                     const struct ckpt_slot *slot)
{
    uint64_t top = slot->frame ? ckpt_tidlock_sp(slot) : (uint64_t)__builtin_frame_address(0);
    uint64_t start = (top + 7) & ~7ull;
    const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, start);
    uint64_t end = mapping && (mapping->prot & PROT_READ) ? mapping->end : start;

    if (slot->thread.pointer > start && slot->thread.pointer < end)
        end = slot->thread.pointer;
    if (end - start > CKPT_TIDLOCK_STACK)
        end = start + CKPT_TIDLOCK_STACK;
    return (struct ckpt_range){.start = start, .end = ckpt_mappings_readable_end(start, end)};
}

static bool by_registers(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                         const struct ckpt_slot *slot)
{
    const uint64_t *word;

    for (unsigned i = 0; slot->frame && (word = ckpt_arch_frame_register(slot->frame, i)); i++)
        if (leads_to(finder, lock, *word, CKPT_TIDLOCK_HOPS))
            return true;
    return false;
}

/*
 * A word on the stack is taken to be in the frame of the function to which the nearest return
 * address at a lower address leads. Only frames of functions that were called after all Java frames
 * count: the JVM and the JDK have large buffers on the stack, which contain old frames of calls
 * that have returned.
 */
static bool by_frames(const struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, lock->slot);
    struct ckpt_range stack = ckpt_tidlock_stack(finder, slot);
    struct ckpt_library *library =
        ckpt_mappings_library_at(&finder->mappings, ckpt_tidlock_ip(slot));
    bool inside = uses_locks(finder, library, lock), uses = inside;

    if (!library || library->is_java)
        return false;
    for (const uint64_t *at = (const uint64_t *)stack.start; at < (const uint64_t *)stack.end;
         at++) {
        if (ckpt_mappings_is_return_address(&finder->mappings, *at)) {
            library = ckpt_mappings_library_at(&finder->mappings, *at);
            if (!library || library->is_java)
                break;
            inside = uses_locks(finder, library, lock);
            uses |= inside;
        } else if (inside && leads_to(finder, lock, *at, CKPT_TIDLOCK_HOPS)) {
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

        if (i == lock->slot || !ckpt_tidlock_waits_on(&finder->park->slots[i], &word))
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
    for (size_t i = 0; i < finder->mappings.list.count; i++) {
        const struct ckpt_mapping *mapping = ckpt_array_at(&finder->mappings.list, i);
        struct ckpt_library *library = ckpt_mappings_library_at(&finder->mappings, mapping->start);

        if (!(mapping->prot & PROT_READ) || mapping->prot & PROT_EXEC || !library ||
            mapping->shared || mapping->end > ckpt_page_ceil(library->end) ||
            !uses_locks(finder, library, lock) || !(mapping->prot & PROT_WRITE))
            continue;
        for (const uint64_t *at = (const uint64_t *)mapping->start;
             at < (const uint64_t *)mapping->end; at++) {
            /* The library's file may have been truncated, so that its last pages cannot be read. */
            if ((uint64_t)at % ckpt_page_size == 0 &&
                !ckpt_mappings_peek((uint64_t)at, finder->windows[0], 8)) {
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
    struct ckpt_library *library = ckpt_mappings_library_at(&finder->mappings, lock->address);

    if (!lock->proven)
        lock->proven =
            (library && library->is_libc) || by_waiter(finder, lock) || by_frames(finder, lock) ||
            (!lock->ambiguous && (uses_locks(finder, library, lock) || by_data(finder, lock)));
}

const char *ckpt_tidlock_location(const struct ckpt_tidlock_finder *finder,
                                  const struct ckpt_tidlock *lock)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, lock->slot);
    const struct ckpt_library *library = ckpt_mappings_library_at(&finder->mappings, lock->address);
    const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, lock->address);
    struct ckpt_range stack = ckpt_tidlock_stack(finder, slot);

    if (library)
        return library->path;
    for (const uint64_t *at = (const uint64_t *)stack.start; at < (const uint64_t *)stack.end;
         at++) {
        struct ckpt_library *frame = ckpt_mappings_is_return_address(&finder->mappings, *at)
                                         ? ckpt_mappings_library_at(&finder->mappings, *at)
                                         : NULL;

        if (frame && uses_locks(finder, frame, lock))
            return frame->path;
    }
    return mapping && mapping->path[0] ? mapping->path : "anonymous memory";
}
