/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * Finding what looks like a held lock.  In both objects the owner is the lower half of an aligned
 * word of 64 bits, and the upper half is a small number: so one comparison decides about 16 bytes,
 * and the rest is for few.
 *
 * Only pages that this process has written are read: not those that it never touched, nor those
 * that are still as a file or the image has them.  A lock that is held was written by this process,
 * if only by ckpt_tidlock_apply().
 */
#include <errno.h>
#include <sys/mman.h>

#include "base/page.h"
#include "base/pagescan.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/pages.h"
#include "engine/builtin/parked/tidlock_finder.h"

#define SHARED_FILE_MOST ((uint64_t)16 << 20)       /* larger files are data, not locks */
#define LIST_MOST 4096                              /* of robust mutexes in one thread's list */
#define TO_LIST ((uint64_t)CKPT_MUTEX_LIST * 4 + 8) /* where the robust list goes through a mutex */

#define REGIONS 64
#define ENTRIES 512

/* A stretch of pages that are there, inside one mapping. */
struct stretch {
    const struct ckpt_area *area;
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
    return stretch->area->shared && stretch->area->inode;
}

/* The words of an object that may extend over the pages known to be there, or NULL. */
static const uint32_t *object_at(const struct ckpt_tidlock_finder *finder,
                                 const struct stretch *stretch, uint64_t address, size_t words)
{
    uint64_t end = address + words * 4;

    if (address >= stretch->start && end <= stretch->end && !is_file(stretch))
        return (const uint32_t *)address;
    if (address < stretch->area->start || end > stretch->area->end ||
        !ckpt_areas_peek(address, finder->object, words * 4))
        return NULL;
    return finder->object;
}

/* @owner: what is at @at, or was when it was copied. */
static int check(struct ckpt_tidlock_finder *finder, const struct stretch *stretch, uint64_t at,
                 const uint32_t *owner, struct ckpt_error *error)
{
    uint32_t tid = *owner, number = tid - finder->least;
    struct ckpt_tidlock lock = {.is_shared = stretch->area->shared && stretch->area->inode &&
                                             !ckpt_raw_ends(stretch->area->path, " (deleted)")};
    const uint32_t *words;

    if (number > finder->range || !((finder->bits[number / 64] >> (number % 64)) & 1) ||
        owner[1] > CKPT_TIDLOCK_MOST)
        return 0;
    lock.address = at - CKPT_MUTEX_OWNER * 4;
    words = object_at(finder, stretch, lock.address, CKPT_MUTEX_WORDS);
    if (words) {
        lock.kind = ckpt_tidlock_mutex(words, tid);
        lock.weak = ckpt_tidlock_is_weak(words);
    }
    if (!lock.kind) {
        lock.weak = false;
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

/* Two words of 64 bits at once, which every processor can do. */
typedef uint64_t pair __attribute__((vector_size(16)));
typedef uint32_t halves __attribute__((vector_size(16)));

/* The highest bit of each word that cannot be an owner with what follows it. */
static pair unlike(const uint64_t *words, halves least, halves most)
{
    pair more = (pair)(*(const halves *)words - least > most);

    return more | more << 32;
}

/* What is at @at, in a copy of its page: others may cut the file short. NULL: it cannot be read. */
static const uint64_t *words_of_file(const struct ckpt_tidlock_finder *finder, uint64_t at)
{
    uint64_t page = ckpt_page_floor(at);

    if (at == page && !ckpt_areas_peek(page, finder->page, ckpt_page_size))
        return NULL;
    return finder->page + (at - page) / sizeof *finder->page;
}

/* From @start to @end, multiples of the page size. */
static int scan(struct ckpt_tidlock_finder *finder, const struct stretch *stretch, uint64_t start,
                uint64_t end, struct ckpt_error *error)
{
    halves least = {finder->least, 0, finder->least, 0};
    halves most = {finder->range, CKPT_TIDLOCK_MOST, finder->range, CKPT_TIDLOCK_MOST};
    bool file = is_file(stretch);

    for (uint64_t at = start; at < end; at += 64) {
        const uint64_t *words = file ? words_of_file(finder, at) : (const uint64_t *)at;
        pair all;

        if (!words) {
            at += ckpt_page_size - 64;
            continue;
        }
        all = unlike(words, least, most) & unlike(words + 2, least, most) &
              unlike(words + 4, least, most) & unlike(words + 6, least, most);
        if (__builtin_expect((all[0] & all[1]) >> 63, 1))
            continue;
        for (int i = 0; i < 8; i++)
            if (check(finder, stretch, at + (uint64_t)i * 8, (const uint32_t *)(words + i), error) <
                0)
                return -1;
    }
    return 0;
}

/* Without the ranges that nobody need look into. */
static int scan_stretch(struct ckpt_tidlock_finder *finder, const struct stretch *stretch,
                        struct ckpt_error *error)
{
    uint64_t start = stretch->start;
    size_t low = 0, high = finder->skip_count;

    while (low < high) { /* the first range that does not end before */
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

/* Swapped pages, or guard pages, which have such an entry too and must not be read. */
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

static int by_scan(struct ckpt_tidlock_finder *finder, const struct ckpt_area *area,
                   struct ckpt_error *error)
{
    struct scan_region regions[REGIONS];
    uint32_t other = area->shared ? IS_ZERO : IS_FILE | IS_ZERO;
    struct scan_argument argument = {
        .size = sizeof argument,
        .start = area->start,
        .end = area->end,
        .vec = (uint64_t)regions,
        .vec_len = REGIONS,
        .category_inverted = other,
        .category_mask = other,
        .category_anyof_mask = IS_PRESENT | IS_SWAPPED,
        .return_mask = IS_SWAPPED,
    };

    while (argument.start < argument.end) {
        long count = ckpt_sys_ioctl(finder->pagemap, SCAN, &argument);

        if (count < 0)
            return count == -ENOTTY || count == -EINVAL
                       ? 1
                       : ckpt_error_set(error, (int)-count, "cannot scan the page tables");
        for (long i = 0; i < count; i++) {
            struct stretch stretch = {area, regions[i].start, regions[i].end};

            if ((regions[i].categories & IS_SWAPPED ? scan_swapped(finder, &stretch, error)
                                                    : scan_stretch(finder, &stretch, error)) < 0)
                return -1;
        }
        argument.start = argument.walk_end;
    }
    return 0;
}

static int by_pagemap(struct ckpt_tidlock_finder *finder, const struct ckpt_area *area,
                      struct ckpt_error *error)
{
    uint64_t entries[ENTRIES];

    for (uint64_t at = area->start; at < area->end;) {
        uint64_t pages = (area->end - at) / ckpt_page_size;
        long got;

        if (pages > ENTRIES)
            pages = ENTRIES;
        got = ckpt_sys_pread(finder->pagemap, entries, pages * 8, at / ckpt_page_size * 8);
        if (got < 8)
            return ckpt_error_set(error, got < 0 ? (int)-got : EIO,
                                  "cannot read /proc/self/pagemap");
        for (long i = 0; i < got / 8; i++, at += ckpt_page_size) {
            bool present = (entries[i] >> 63) & 1, swapped = (entries[i] >> 62) & 1;
            bool file = (entries[i] >> 61) & 1;
            struct stretch page = {area, at, at + ckpt_page_size};

            if ((swapped && scan_swapped(finder, &page, error) < 0) ||
                (present && (!file || area->shared) && scan_stretch(finder, &page, error) < 0))
                return -1;
        }
    }
    return 0;
}

static bool is_searched(const struct ckpt_tidlock_finder *finder, const struct ckpt_area *area)
{
    const struct ckpt_park *park = finder->park;

    if (!(area->prot & PROT_READ) || !(area->prot & PROT_WRITE) ||
        area->start == (uint64_t)finder->scratch.start || area->start == (uint64_t)park ||
        ckpt_raw_starts(area->path, "/memfd:java_heap") || ckpt_raw_starts(area->path, "[v"))
        return false;
    return !area->shared || area->path[0] != '/' || ckpt_raw_starts(area->path, "/memfd:") ||
           ckpt_raw_equal(area->path, "/dev/zero (deleted)") ||
           area->end - area->start <= SHARED_FILE_MOST;
}

/*
 * The kernel knows a thread's robust mutexes.  One that its thread has acquired from a dead owner
 * is in the list too, and has no TID for an owner.
 */
static int walk_robust(struct ckpt_tidlock_finder *finder, uint32_t index, struct ckpt_error *error)
{
    const struct ckpt_slot *slot = ckpt_tidlock_slot(finder->park, index);
    uint64_t *head = finder->window, at;

    if (!slot->robust_list || !ckpt_areas_peek(slot->robust_list, head, 3 * sizeof *head) ||
        (int64_t)head[1] != -(int64_t)TO_LIST)
        return 0;
    at = head[0] & ~1ull;
    for (int i = 0; i < LIST_MOST && at != slot->robust_list; i++) {
        struct ckpt_tidlock lock = {
            .address = at - TO_LIST, .slot = index, .kind = CKPT_TIDLOCK_FUTEX, .proven = true};
        const struct ckpt_area *area = ckpt_areas_at(&finder->areas, at);

        if (!area || !ckpt_areas_peek(lock.address, finder->object, CKPT_MUTEX_WORDS * 4))
            return 0;
        lock.is_shared = area->shared && area->inode && !ckpt_raw_ends(area->path, " (deleted)");
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
    for (size_t i = 0; i < finder->areas.areas.count; i++) {
        const struct ckpt_area *area = ckpt_array_at(&finder->areas.areas, i);
        int result = 1;

        if (!is_searched(finder, area))
            continue;
        if (!finder->by_pagemap)
            result = by_scan(finder, area, error);
        finder->by_pagemap |= result > 0;
        if (result > 0)
            result = by_pagemap(finder, area, error);
        if (result < 0)
            return -1;
    }
    return 0;
}
