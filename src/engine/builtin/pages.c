/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * CKPT_FROZEN: runs in parked processes; raw system calls only, no libc beyond memcpy and friends.
 *
 * From a mapping to runs of pages.  The kernel says which pages are private to the process
 * (PAGEMAP_SCAN from Linux 6.7 on, /proc/self/pagemap before); of those, memory that the collector
 * says is free and pages of zeros are left out, and holes of a few pages are filled in again,
 * because one long run costs less to restore than two short ones.
 */
#include "engine/builtin/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>

#include "base/raw.h"
#include "base/syscall.h"

#define FILL_HOLES (16 * CKPT_PAGE)

/* linux/fs.h has these from 6.7 on. */
struct scan_region {
    uint64_t start, end, categories;
};
struct scan_argument {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct scan_argument)
#define IS_FILE (1u << 2)
#define IS_PRESENT (1u << 3)
#define IS_SWAPPED (1u << 4)
#define IS_ZERO (1u << 5)
#define REGIONS 128

struct collector {
    struct ckpt_gather *gather;
    const struct ckpt_image_map *map;
    size_t next_free;
    uint32_t first_run;
    bool drop_zeros;
    uint64_t fill_end; /* up to here a hole may be filled: there are pages behind it */
};

static bool is_zero_page(const uint64_t *page)
{
    for (size_t i = 0; i < CKPT_PAGE / sizeof *page; i += 8)
        if (page[i] | page[i + 1] | page[i + 2] | page[i + 3] | page[i + 4] | page[i + 5] |
            page[i + 6] | page[i + 7])
            return false;
    return true;
}

/* Guard pages have no content and must not be read: a run without a place in the file. */
static int keep_guard(struct collector *collector, uint64_t start, uint64_t end,
                      struct ckpt_error *error)
{
    struct ckpt_image_run *run = ckpt_array_add(&collector->gather->tables.runs,
                                                collector->gather->tables.scratch, 1, error);

    if (!run)
        return -1;
    *run = (struct ckpt_image_run){.address = start, .size = end - start, .flags = CKPT_RUN_GUARD};
    return 0;
}

/*
 * MADV_GUARD_INSTALL (Linux 6.13; glibc from 2.42 on guards thread stacks with it): the page table
 * has an entry that looks like a swapped page.  Populating such a page fails where reading it would
 * end the process.
 */
static bool is_guard(const struct collector *collector, uint64_t page)
{
    bool veiled = !(collector->map->prot & PROT_READ);
    long populated;

    if (veiled)
        ckpt_sys_mprotect(page, CKPT_PAGE, (int)collector->map->prot | PROT_READ);
    populated = ckpt_sys_madvise(page, CKPT_PAGE, 22 /* MADV_POPULATE_READ */);
    if (veiled)
        ckpt_sys_mprotect(page, CKPT_PAGE, (int)collector->map->prot);
    return populated == -EFAULT;
}

/* These pages go in: lengthen the last run, over a small hole if need be, or begin a new one. */
static int keep(struct collector *collector, uint64_t start, uint64_t end, struct ckpt_error *error)
{
    struct ckpt_array *runs = &collector->gather->tables.runs;
    struct ckpt_image_run *run;

    if (runs->count > collector->first_run) {
        uint64_t last_end;

        run = ckpt_array_at(runs, runs->count - 1);
        last_end = run->address + run->size;
        if (!(run->flags & CKPT_RUN_GUARD) &&
            (start == last_end ||
             (start - last_end <= FILL_HOLES && start <= collector->fill_end))) {
            run->size = end - run->address;
            return 0;
        }
    }
    run = ckpt_array_add(runs, collector->gather->tables.scratch, 1, error);
    if (!run)
        return -1;
    *run = (struct ckpt_image_run){.address = start, .size = end - start};
    return 0;
}

static int keep_nonzero(struct collector *collector, uint64_t start, uint64_t end,
                        struct ckpt_error *error)
{
    if (!collector->drop_zeros)
        return keep(collector, start, end, error);
    while (start < end) {
        uint64_t stop;

        while (start < end && is_zero_page((const uint64_t *)start))
            start += CKPT_PAGE;
        for (stop = start; stop < end && !is_zero_page((const uint64_t *)stop);)
            stop += CKPT_PAGE;
        if (stop > start && keep(collector, start, stop, error) < 0)
            return -1;
        start = stop;
    }
    return 0;
}

/* Take out what the collector says is free.  Ranges come in ascending order, as do the calls. */
static int keep_used(struct collector *collector, uint64_t start, uint64_t end,
                     struct ckpt_error *error)
{
    const struct ckpt_gather *gather = collector->gather;

    while (start < end) {
        uint64_t stop = end, skip = end;

        while (collector->next_free < gather->free_count &&
               (gather->free[collector->next_free].end & ~(CKPT_PAGE - 1)) <= start)
            collector->next_free++;
        if (collector->next_free < gather->free_count) {
            const struct ckpt_range *range = &gather->free[collector->next_free];
            uint64_t from = (range->start + CKPT_PAGE - 1) & ~(CKPT_PAGE - 1);
            uint64_t to = range->end & ~(CKPT_PAGE - 1);

            if (from < end && from < to) {
                stop = from > start ? from : start;
                skip = to < end ? to : end;
            }
            if (from >= to) { /* smaller than a page: look at the next one */
                collector->next_free++;
                continue;
            }
        }
        if (stop > start && keep_nonzero(collector, start, stop, error) < 0)
            return -1;
        start = skip > start ? skip : stop;
    }
    return 0;
}

/* A region that the kernel calls swapped: swapped indeed, or guard pages. */
static int keep_swapped(struct collector *collector, uint64_t start, uint64_t end,
                        struct ckpt_error *error)
{
    while (start < end) {
        bool guard = is_guard(collector, start);
        uint64_t stop = start + CKPT_PAGE;

        while (stop < end && is_guard(collector, stop) == guard)
            stop += CKPT_PAGE;
        if ((guard ? keep_guard(collector, start, stop, error)
                   : keep_used(collector, start, stop, error)) < 0)
            return -1;
        start = stop;
    }
    return 0;
}

static int by_scan(struct collector *collector, int fd, struct ckpt_error *error)
{
    struct scan_region regions[REGIONS];
    struct scan_argument argument = {
        .size = sizeof argument,
        .start = collector->map->start,
        .end = collector->map->end,
        .vec = (uint64_t)regions,
        .vec_len = REGIONS,
        .category_inverted = IS_FILE | IS_ZERO,
        .category_mask = IS_FILE | IS_ZERO,
        .category_anyof_mask = IS_PRESENT | IS_SWAPPED,
        .return_mask = IS_SWAPPED,
    };

    while (argument.start < argument.end) {
        long count = ckpt_sys_ioctl(fd, SCAN, &argument);

        if (count < 0)
            return count == -ENOTTY || count == -EINVAL
                       ? 1
                       : ckpt_error_set(error, "memory", (int)-count,
                                        "cannot scan the page tables");
        for (long i = 0; i < count; i++)
            if ((regions[i].categories & IS_SWAPPED
                     ? keep_swapped(collector, regions[i].start, regions[i].end, error)
                     : keep_used(collector, regions[i].start, regions[i].end, error)) < 0)
                return -1;
        argument.start = argument.walk_end;
    }
    return 0;
}

static int by_pagemap(struct collector *collector, int fd, struct ckpt_error *error)
{
    uint64_t entries[512];

    for (uint64_t at = collector->map->start; at < collector->map->end;) {
        uint64_t pages = (collector->map->end - at) / CKPT_PAGE;
        long got;

        if (pages > 512)
            pages = 512;
        got = ckpt_sys_pread(fd, entries, pages * 8, at / CKPT_PAGE * 8);
        if (got < 8)
            return ckpt_error_set(error, "memory", got < 0 ? (int)-got : EIO,
                                  "cannot read /proc/self/pagemap");
        for (long i = 0; i < got / 8; i++, at += CKPT_PAGE) {
            bool present = (entries[i] >> 63) & 1, swapped = (entries[i] >> 62) & 1;
            bool file = (entries[i] >> 61) & 1;

            if ((swapped && keep_swapped(collector, at, at + CKPT_PAGE, error) < 0) ||
                (present && !file && keep_used(collector, at, at + CKPT_PAGE, error) < 0))
                return -1;
        }
    }
    return 0;
}

static int from_kernel(struct collector *collector, struct ckpt_error *error)
{
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return ckpt_error_set(error, "memory", (int)-fd, "cannot open /proc/self/pagemap");
    result = by_scan(collector, (int)fd, error);
    if (result > 0)
        result = by_pagemap(collector, (int)fd, error);
    ckpt_sys_close((int)fd);
    return result;
}

/* Reading a mapped file behind its last page is a bus error. */
static uint64_t fill_end(const struct ckpt_gather *gather, const struct ckpt_image_map *map)
{
    const struct ckpt_image_file *file;
    uint64_t pages;

    if (map->kind == CKPT_MAP_ANON)
        return map->end;
    if (map->kind != CKPT_MAP_FILE || map->object == CKPT_NONE || !(map->prot & PROT_READ))
        return map->start;
    file = ckpt_array_at(&gather->tables.files, map->object);
    pages = (file->size + CKPT_PAGE - 1) & ~(CKPT_PAGE - 1);
    return pages > map->offset ? map->start + (pages - map->offset) : map->start;
}

static bool is_readable(int memory, uint64_t page)
{
    char byte;

    return ckpt_sys_pread(memory, &byte, 1, page) == 1;
}

/*
 * Pages after the end of a mapped file, which may be anywhere where the file has no name any more:
 * a load would be a bus error, so the kernel reads first.
 */
static int keep_readable(struct collector *collector, struct ckpt_error *error)
{
    const struct ckpt_image_map *map = collector->map;
    long memory = ckpt_sys_openat(AT_FDCWD, "/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
    int result = 0;

    if (memory < 0)
        return ckpt_error_set(error, "memory", (int)-memory, "cannot open /proc/self/mem");
    for (uint64_t start = map->start, stop; result == 0 && start < map->end; start = stop) {
        bool readable = is_readable((int)memory, start);

        stop = start + CKPT_PAGE;
        while (stop < map->end && is_readable((int)memory, stop) == readable)
            stop += CKPT_PAGE;
        collector->first_run = (uint32_t)collector->gather->tables.runs.count;
        if (readable)
            result = keep_used(collector, start, stop, error);
    }
    ckpt_sys_close((int)memory);
    return result;
}

int ckpt_pages_gather(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                      enum ckpt_pages which, struct ckpt_error *error)
{
    bool whole = which != CKPT_PAGES_PRIVATE;
    struct collector collector = {
        .gather = gather,
        .map = map,
        .first_run = (uint32_t)gather->tables.runs.count,
        .drop_zeros = map->kind == CKPT_MAP_ANON,
        .fill_end = fill_end(gather, map),
    };
    bool shared = map->flags & CKPT_MAP_SHARED_FLAG;
    bool veiled = !(map->prot & PROT_READ);
    int result;

    if (map->kind == CKPT_MAP_KERNEL || map->kind == CKPT_MAP_SHARED ||
        (map->flags & (CKPT_MAP_DROPPABLE | CKPT_MAP_WIPEONFORK)) ||
        (map->kind == CKPT_MAP_FILE && shared))
        return 0;
    if (veiled && whole)
        ckpt_sys_mprotect(map->start, map->end - map->start, (int)map->prot | PROT_READ);
    if (veiled && !whole)
        collector.drop_zeros = false; /* mostly guard pages: nothing there to read */
    if (which == CKPT_PAGES_READABLE)
        result = keep_readable(&collector, error);
    else if (whole || shared)
        result = keep_used(&collector, map->start, map->end, error);
    else
        result = from_kernel(&collector, error);
    if (veiled && whole)
        ckpt_sys_mprotect(map->start, map->end - map->start, (int)map->prot);
    return result;
}
