/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Searches memory for objects that look like held locks.  In a mutex and in a read-write lock the
 * owner is the lower half of an aligned word of 64 bits, whose upper half is a small number.  So
 * one vector comparison tests 16 bytes, and only few words need the full test.
 *
 * Only pages that this process has written are read, not pages that it never touched, nor pages
 * that are the same as in a file or the image.  A held lock was written by this process, at least
 * by ckpt_tidlock_apply().
 */
#include <errno.h>
#include <sys/mman.h>

#include "base/page.h"
#include "base/page_tables.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/pages.h"
#include "engine/builtin/parked/tidlock_finder.h"

#define SHARED_FILE_MAX ((uint64_t)16 << 20) /* larger files are taken to have data, not locks */
#define LIST_MAX 4096                        /* robust mutexes in one thread's list */
#define TO_LIST ((uint64_t)CKPT_MUTEX_LIST * 4 + 8) /* offset of the list's link in a mutex */

/* Consecutive existing pages of one mapping. */
struct stretch {
    const struct ckpt_mapping *mapping;
    uint64_t start, end;
};

int ckpt_tidlock_add(struct ckpt_tidlock_finder *finder, const struct ckpt_tidlock *lock,
                     struct ckpt_error *error)
{
    struct ckpt_tidlock *added;

    for (size_t i = 0; i < finder->locks.count; i++)
        if (((struct ckpt_tidlock *)ckpt_array_at(&finder->locks, i))->address == lock->address)
            return 0;
    added = ckpt_array_add(&finder->locks, &finder->scratch, 1, error);
    if (!added)
        return -1;
    *added = *lock;
    return 0;
}

static uint32_t slot_of(const struct ckpt_park *park, uint32_t tid)
{
    for (uint32_t i = 0; i < park->taken; i++)
        if (park->slots[i].tid == tid)
            return i;
    return CKPT_PARK_COORDINATOR;
}

static bool is_file(const struct stretch *stretch)
{
    return stretch->mapping->shared && stretch->mapping->inode;
}

/* The words of an object, which may extend beyond the pages known to exist, or NULL. */
static const uint32_t *object_at(const struct ckpt_tidlock_finder *finder,
                                 const struct stretch *stretch, uint64_t address, size_t words)
{
    uint64_t end = address + words * 4;

    if (address >= stretch->start && end <= stretch->end && !is_file(stretch))
        return (const uint32_t *)address;
    if (address < stretch->mapping->start || end > stretch->mapping->end ||
        !ckpt_mappings_peek(address, finder->object, words * 4))
        return NULL;
    return finder->object;
}

/*
 * Add the lock whose owner is at the address @at, if it is one. @owner points there, or to a copy.
 */
static int check(struct ckpt_tidlock_finder *finder, const struct stretch *stretch, uint64_t at,
                 const uint32_t *owner, struct ckpt_error *error)
{
    uint32_t tid = *owner, number = tid - finder->min_tid;
    struct ckpt_tidlock lock = {.is_shared = stretch->mapping->shared && stretch->mapping->inode &&
                                             !ckpt_raw_ends(stretch->mapping->path, " (deleted)")};
    const uint32_t *words;

    if (number > finder->range || !((finder->bits[number / 64] >> (number % 64)) & 1) ||
        owner[1] > CKPT_TIDLOCK_MAX_COUNT)
        return 0;
    lock.address = at - CKPT_MUTEX_OWNER * 4;
    words = object_at(finder, stretch, lock.address, CKPT_MUTEX_WORDS);
    if (words) {
        lock.kind = ckpt_tidlock_mutex(words, tid);
        lock.ambiguous = ckpt_tidlock_is_ambiguous(words);
    }
    if (!lock.kind) {
        lock.ambiguous = false;
        lock.address = at - CKPT_RWLOCK_OWNER * 4;
        words = object_at(finder, stretch, lock.address, CKPT_RWLOCK_WORDS);
        if (words)
            lock.kind = ckpt_tidlock_rwlock(words, tid);
    }
    if (!lock.kind)
        return 0;
    lock.slot = slot_of(finder->park, tid);
    return ckpt_tidlock_add(finder, &lock, error);
}

/* Vectors of 16 bytes, which the compiler maps to any processor's instructions. */
typedef uint64_t pair __attribute__((vector_size(16)));
typedef uint32_t halves __attribute__((vector_size(16)));

/* Sets the highest bit of each word whose halves are not in the range [@min, @min + @range]. */
static pair out_of_range(const uint64_t *words, halves min, halves range)
{
    pair more = (pair)(*(const halves *)words - min > range);

    return more | more << 32;
}

/*
 * The words at @at of a shared file, in a copy of its page, because another process may truncate
 * the file.  NULL: the page cannot be read.
 */
static const uint64_t *words_of_file(const struct ckpt_tidlock_finder *finder, uint64_t at)
{
    uint64_t page = ckpt_page_floor(at);

    if (at == page && !ckpt_mappings_peek(page, finder->page, ckpt_page_size))
        return NULL;
    return finder->page + (at - page) / sizeof *finder->page;
}

/* Search [@start, @end), multiples of the page size. */
static int scan(struct ckpt_tidlock_finder *finder, const struct stretch *stretch, uint64_t start,
                uint64_t end, struct ckpt_error *error)
{
    halves min = {finder->min_tid, 0, finder->min_tid, 0};
    halves range = {finder->range, CKPT_TIDLOCK_MAX_COUNT, finder->range, CKPT_TIDLOCK_MAX_COUNT};
    bool file = is_file(stretch);

    for (uint64_t at = start; at < end; at += 64) {
        const uint64_t *words = file ? words_of_file(finder, at) : (const uint64_t *)at;
        pair all;

        if (!words) {
            at += ckpt_page_size - 64;
            continue;
        }
        all = out_of_range(words, min, range) & out_of_range(words + 2, min, range) &
              out_of_range(words + 4, min, range) & out_of_range(words + 6, min, range);
        if (__builtin_expect((all[0] & all[1]) >> 63, 1))
            continue;
        for (int i = 0; i < 8; i++)
            if (check(finder, stretch, at + (uint64_t)i * 8, (const uint32_t *)(words + i), error) <
                0)
                return -1;
    }
    return 0;
}

/* Search a stretch, except the ranges in `skip`. */
static int scan_stretch(struct ckpt_tidlock_finder *finder, const struct stretch *stretch,
                        struct ckpt_error *error)
{
    uint64_t start = stretch->start;
    size_t low = 0, high = finder->skip_count;

    while (low < high) { /* find the first range that ends after the start */
        size_t middle = (low + high) / 2;

        if (finder->skip[middle].end <= start)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < finder->skip_count && finder->skip[low].start < stretch->end; low++) {
        const struct ckpt_range *skip = &finder->skip[low];

        if (skip->start > start && scan(finder, stretch, start, skip->start, error) < 0)
            return -1;
        start = skip->end;
    }
    return start < stretch->end ? scan(finder, stretch, start, stretch->end, error) : 0;
}

/* Search swapped pages, except guard pages, whose entries are alike and which must not be read. */
static int scan_swapped(struct ckpt_tidlock_finder *finder, const struct stretch *stretch,
                        struct ckpt_error *error)
{
    struct stretch page = *stretch;

    for (uint64_t at = stretch->start; at < stretch->end; at += ckpt_page_size) {
        int guard = ckpt_pages_is_guard(at, error);

        page.start = at;
        page.end = at + ckpt_page_size;
        if (guard < 0 || (guard == 0 && scan_stretch(finder, &page, error) < 0))
            return -1;
    }
    return 0;
}

/* Search a stretch, except the memory in `own` from @index on. */
static int scan_but_own(struct ckpt_tidlock_finder *finder, const struct stretch *stretch,
                        bool swapped, size_t index, struct ckpt_error *error)
{
    struct stretch before = *stretch, after = *stretch;

    while (index < CKPT_TIDLOCK_OWN &&
           (finder->own[index].end <= stretch->start || finder->own[index].start >= stretch->end))
        index++;
    if (index == CKPT_TIDLOCK_OWN)
        return (swapped ? scan_swapped : scan_stretch)(finder, stretch, error);
    before.end = finder->own[index].start;
    after.start = finder->own[index].end;
    if (before.start < before.end && scan_but_own(finder, &before, swapped, index + 1, error) < 0)
        return -1;
    return after.start < after.end ? scan_but_own(finder, &after, swapped, index + 1, error) : 0;
}

/* One search of a mapping. */
struct search {
    struct ckpt_tidlock_finder *finder;
    const struct ckpt_mapping *mapping;
};

static int scan_range(void *context, uint64_t start, uint64_t end, bool swapped,
                      struct ckpt_error *error)
{
    const struct search *search = context;
    struct stretch stretch = {search->mapping, start, end};

    return scan_but_own(search->finder, &stretch, swapped, 0, error);
}

static bool is_searched(const struct ckpt_mapping *mapping)
{
    if (!(mapping->prot & PROT_READ) || !(mapping->prot & PROT_WRITE) ||
        ckpt_raw_starts(mapping->path, "/memfd:java_heap") || ckpt_raw_starts(mapping->path, "[v"))
        return false;
    return !mapping->shared || mapping->path[0] != '/' ||
           ckpt_raw_starts(mapping->path, "/memfd:") ||
           ckpt_raw_equal(mapping->path, "/dev/zero (deleted)") ||
           mapping->end - mapping->start <= SHARED_FILE_MAX;
}

/*
 * Add the mutexes in a thread's robust list, whose address the kernel has.  One that the thread has
 * acquired from a dead owner is in the list too, but does not store a TID as its owner.
 */
static int walk_robust(struct ckpt_tidlock_finder *finder, uint32_t index, struct ckpt_error *error)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, index);
    uint64_t *head = finder->windows[0], at;

    if (!slot->robust_list || !ckpt_mappings_peek(slot->robust_list, head, 3 * sizeof *head) ||
        (int64_t)head[1] != -(int64_t)TO_LIST)
        return 0;
    at = head[0] & ~1ull;
    for (int i = 0; i < LIST_MAX && at != slot->robust_list; i++) {
        struct ckpt_tidlock lock = {
            .address = at - TO_LIST, .slot = index, .kind = CKPT_TIDLOCK_FUTEX, .proven = true};
        const struct ckpt_mapping *mapping = ckpt_mappings_at(&finder->mappings, at);

        if (!mapping || !ckpt_mappings_peek(lock.address, finder->object, CKPT_MUTEX_WORDS * 4))
            return 0;
        lock.is_shared =
            mapping->shared && mapping->inode && !ckpt_raw_ends(mapping->path, " (deleted)");
        if ((finder->object[CKPT_MUTEX_LOCK] & CKPT_FUTEX_TID) == slot->tid &&
            (finder->object[CKPT_MUTEX_KIND] & CKPT_MUTEX_ROBUST) &&
            ckpt_tidlock_add(finder, &lock, error) < 0)
            return -1;
        at = *(uint64_t *)(finder->object + CKPT_MUTEX_LIST + 2) & ~1ull;
    }
    return 0;
}

int ckpt_tidlock_scan(struct ckpt_tidlock_finder *finder, struct ckpt_error *error)
{
    for (uint32_t i = 0; i < finder->park->taken; i++)
        if (walk_robust(finder, i, error) < 0)
            return -1;
    if (walk_robust(finder, CKPT_PARK_COORDINATOR, error) < 0)
        return -1;
    for (size_t i = 0; i < finder->mappings.list.count; i++) {
        const struct ckpt_mapping *mapping = ckpt_array_at(&finder->mappings.list, i);
        struct search search = {finder, mapping};

        if (is_searched(mapping) &&
            ckpt_page_tables_each(finder->pagemap, mapping->start, mapping->end,
                                  mapping->shared ? CKPT_PAGE_THERE : CKPT_PAGE_OWN, scan_range,
                                  &search, error) < 0)
            return -1;
    }
    return 0;
}
