/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Finds the runs of pages of a mapping that go into the image.  The kernel reports which pages are
 * private to the process (PAGEMAP_SCAN from Linux 6.7 on, /proc/self/pagemap before).  Of those,
 * free memory of the Java heap and pages of zeros are left out.
 *
 * A restore maps lazy runs from the image and copies all others.  In lazy memory, holes of a few
 * pages become part of a run, because one mapping costs less than two, and a run that is too short
 * for a mapping is copied.  In other memory holes are kept: to copy a page costs more than another
 * element of an iovec, and uses memory.
 */
#include "engine/builtin/parked/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/kernel_abi.h"
#include "base/page.h"
#include "base/page_tables.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/parked/breakpoints.h"

#define FILL_HOLES (16 * ckpt_page_size)
#define COPIED_PAGES 16    /* lazy runs up to this length are copied */
#define DEFAULT_MAPS 65530 /* vm.max_map_count if no one has changed it */

#define PROTECT_TRIES 3

struct collector {
    struct ckpt_gather *gather;
    const struct ckpt_image_map *map;
    size_t next_free, next_lazy; /* indices of the ranges in gather->free, gather->lazy */
    uint32_t first_run;
    enum ckpt_pages_mode mode;
    bool drop_zeros, may_be_lazy;
    bool unreadable;   /* each page must be made readable to be examined */
    bool is_code;      /* the mapping is code of a file: breakpoints in it are not kept */
    uint64_t at;       /* keep_around() has dealt with all pages before this address */
    uint64_t fill_end; /* pages exist up to this address, so holes before it may be filled */
};

static bool is_zero_page(const uint64_t *page)
{
    for (size_t i = 0; i < ckpt_page_size / sizeof *page; i += 8)
        if (page[i] | page[i + 1] | page[i + 2] | page[i + 3] | page[i + 4] | page[i + 5] |
            page[i + 6] | page[i + 7])
            return false;
    return true;
}

/* Add guard pages, which must not be read: a run without content in the image. */
static int add_guard(struct collector *collector, uint64_t start, uint64_t end,
                     struct ckpt_error *error)
{
    struct ckpt_array *runs = &collector->gather->tables.runs;
    struct ckpt_image_run *run;

    if (runs->count > collector->first_run) {
        run = ckpt_array_at(runs, runs->count - 1);
        if ((run->flags & CKPT_RUN_GUARD) && run->address + run->size == start) {
            run->size += end - start;
            return 0;
        }
    }
    run = ckpt_array_add(runs, collector->gather->tables.scratch, 1, error);
    if (!run)
        return -1;
    *run = (struct ckpt_image_run){.address = start, .size = end - start, .flags = CKPT_RUN_GUARD};
    return 0;
}

/*
 * Tries several times, because the kernel may have no memory for the moment, and the protection of
 * the JVM's memory must be as before, whether the checkpoint succeeds or not.
 */
int ckpt_pages_protect(uint64_t start, uint64_t end, uint32_t prot, struct ckpt_error *error)
{
    long failed = -1;

    for (int try = 0; try < PROTECT_TRIES && failed < 0; try++)
        failed = ckpt_sys_mprotect(start, end - start, (int)prot);
    return failed < 0
               ? ckpt_error_set(error, (int)-failed, "cannot change the protection of memory")
               : 0;
}

/*
 * Guard pages are made by MADV_GUARD_INSTALL (Linux 6.13; glibc from 2.42 on uses it for thread
 * stacks).  Their entry in the page table looks like that of a swapped page.  Reading one would end
 * the process, but populating it only fails.
 */
int ckpt_pages_is_guard(uint64_t page, struct ckpt_error *error)
{
    long populated;

    do
        populated = ckpt_sys_madvise(page, ckpt_page_size, CKPT_MADV_POPULATE_READ);
    while (populated == -EINTR || populated == -EAGAIN);
    if (populated == -EFAULT)
        return 1;
    if (populated == 0 || populated == -EINVAL) /* before Linux 5.14, which has no guard pages */
        return 0;
    return ckpt_error_set(error, (int)-populated, "cannot find out which pages are guard pages");
}

static int is_guard(const struct collector *collector, uint64_t page, struct ckpt_error *error)
{
    uint32_t prot = collector->map->prot;
    int guard;

    if (collector->unreadable &&
        ckpt_pages_protect(page, page + ckpt_page_size, prot | PROT_READ, error) < 0)
        return -1;
    guard = ckpt_pages_is_guard(page, error);
    if (collector->unreadable && ckpt_pages_protect(page, page + ckpt_page_size, prot, error) < 0)
        return -1;
    return guard;
}

/* Extend the last run, if it is of this kind and near enough, or begin a new one. */
static int add_pages(struct collector *collector, uint64_t start, uint64_t end,
                     const struct ckpt_range *lazy, struct ckpt_error *error)
{
    struct ckpt_array *runs = &collector->gather->tables.runs;
    uint32_t flags = lazy ? CKPT_RUN_LAZY : 0;
    struct ckpt_image_run *run;

    if (runs->count > collector->first_run) {
        uint64_t last_end;
        bool fills;

        run = ckpt_array_at(runs, runs->count - 1);
        last_end = run->address + run->size;
        fills = lazy && last_end >= lazy->start && start - last_end <= FILL_HOLES &&
                start <= collector->fill_end;
        if (run->flags == flags && (start == last_end || fills)) {
            run->size = end - run->address;
            return 0;
        }
    }
    run = ckpt_array_add(runs, collector->gather->tables.scratch, 1, error);
    if (!run)
        return -1;
    *run = (struct ckpt_image_run){.address = start, .size = end - start, .flags = flags};
    return 0;
}

/* Add these pages; split where lazy memory begins or ends.  Called in ascending order. */
static int keep(struct collector *collector, uint64_t start, uint64_t end, struct ckpt_error *error)
{
    const struct ckpt_gather *gather = collector->gather;

    while (start < end) {
        const struct ckpt_range *lazy = NULL;
        uint64_t stop = end;

        while (collector->next_lazy < gather->lazy_count &&
               gather->lazy[collector->next_lazy].end <= start)
            collector->next_lazy++;
        if (collector->may_be_lazy && collector->next_lazy < gather->lazy_count) {
            const struct ckpt_range *next = &gather->lazy[collector->next_lazy];
            uint64_t border = next->start <= start ? next->end : next->start;

            lazy = next->start <= start ? next : NULL;
            stop = border < end ? border : end;
        }
        if (add_pages(collector, start, stop, lazy, error) < 0)
            return -1;
        start = stop;
    }
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
            start += ckpt_page_size;
        for (stop = start; stop < end && !is_zero_page((const uint64_t *)stop);)
            stop += ckpt_page_size;
        if (stop > start && keep(collector, start, stop, error) < 0)
            return -1;
        start = stop;
    }
    return 0;
}

/* Add these pages except free memory.  Called in ascending order, as the free ranges are. */
static int keep_used(struct collector *collector, uint64_t start, uint64_t end,
                     struct ckpt_error *error)
{
    const struct ckpt_gather *gather = collector->gather;

    while (start < end) {
        uint64_t stop = end, skip = end;

        while (collector->next_free < gather->free_count &&
               ckpt_page_floor(gather->free[collector->next_free].end) <= start)
            collector->next_free++;
        if (collector->next_free < gather->free_count) {
            const struct ckpt_range *range = &gather->free[collector->next_free];
            uint64_t from = ckpt_page_ceil(range->start);
            uint64_t to = ckpt_page_floor(range->end);

            if (from < end && from < to) {
                stop = from > start ? from : start;
                skip = to < end ? to : end;
            }
            if (from >= to) { /* no whole page: try the next range */
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

/* A region that the kernel reports as swapped: swapped pages, or guard pages. */
static int keep_swapped(struct collector *collector, uint64_t start, uint64_t end,
                        struct ckpt_error *error)
{
    while (start < end) {
        int guard = is_guard(collector, start, error);
        uint64_t stop = start + ckpt_page_size;

        if (guard < 0)
            return -1;
        while (stop < end && is_guard(collector, stop, error) == guard)
            stop += ckpt_page_size;
        if ((guard ? add_guard(collector, start, stop, error)
                   : keep_used(collector, start, stop, error)) < 0)
            return -1;
        start = stop;
    }
    return 0;
}

/* Private pages in the code of a file, except those that differ only by breakpoints. */
static int keep_code(struct collector *collector, uint64_t start, uint64_t end,
                     struct ckpt_error *error)
{
    for (; start < end; start += ckpt_page_size)
        if (!ckpt_breakpoints_are_only_change(collector->gather, collector->map, start) &&
            keep_used(collector, start, start + ckpt_page_size, error) < 0)
            return -1;
    return 0;
}

static int keep_private(void *context, uint64_t start, uint64_t end, bool swapped,
                        struct ckpt_error *error)
{
    struct collector *collector = context;

    if (swapped)
        return keep_swapped(collector, start, end, error);
    return (collector->is_code ? keep_code : keep_used)(collector, start, end, error);
}

/* ---- memory whose pages are not all in the page tables ---- */

/*
 * Shared anonymous memory: pages that an ended child wrote are in no page table, and reading a hole
 * makes a page of it.  mincore() reports which pages exist, except those that are swapped out.
 */
static int keep_resident(struct collector *collector, uint64_t start, uint64_t end,
                         struct ckpt_error *error)
{
    unsigned char exists[4096];

    while (start < end) {
        uint64_t pages = (end - start) / ckpt_page_size;
        long failed;

        if (pages > sizeof exists)
            pages = sizeof exists;
        failed = ckpt_syscall(SYS_mincore, start, pages * ckpt_page_size, exists, 0, 0, 0);
        if (failed < 0)
            return ckpt_error_set(error, (int)-failed, "cannot find out which pages exist");
        for (uint64_t i = 0, n; i < pages; i += n) {
            for (n = 1; i + n < pages && (exists[i + n] & 1) == (exists[i] & 1);)
                n++;
            if ((exists[i] & 1) && keep_used(collector, start + i * ckpt_page_size,
                                             start + (i + n) * ckpt_page_size, error) < 0)
                return -1;
        }
        start += pages * ckpt_page_size;
    }
    return 0;
}

/*
 * Tries two ways to read a page, because an unreadable page is left out of the image: a failure of
 * one of them must not lose data.
 */
static bool is_readable(int memory, uint64_t page)
{
    char byte;

    return ckpt_sys_pread(memory, &byte, 1, page) == 1 || ckpt_raw_peek(&byte, page, 1) == 0;
}

/*
 * Pages after the end of a mapped file cannot be read: a load would be a bus error.  The size of a
 * deleted file cannot be found out, so each page is first read through the kernel.
 */
static int keep_readable(struct collector *collector, uint64_t start, uint64_t end,
                         struct ckpt_error *error)
{
    long memory = ckpt_sys_openat(AT_FDCWD, "/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
    int result = 0;

    if (memory < 0)
        return ckpt_error_set(error, (int)-memory, "cannot open /proc/self/mem");
    for (uint64_t stop; result == 0 && start < end; start = stop) {
        bool readable = is_readable((int)memory, start);

        stop = start + ckpt_page_size;
        while (stop < end && is_readable((int)memory, stop) == readable)
            stop += ckpt_page_size;
        collector->first_run = (uint32_t)collector->gather->tables.runs.count;
        if (readable)
            result = keep_used(collector, start, stop, error);
    }
    ckpt_sys_close((int)memory);
    return result;
}

static int keep_content(struct collector *collector, uint64_t start, uint64_t end,
                        struct ckpt_error *error)
{
    if (start >= end || collector->mode == CKPT_PAGES_GUARDS)
        return 0;
    if (collector->mode == CKPT_PAGES_RESIDENT)
        return keep_resident(collector, start, end, error);
    return collector->mode == CKPT_PAGES_READABLE || collector->mode == CKPT_PAGES_FILE
               ? keep_readable(collector, start, end, error)
               : keep_used(collector, start, end, error);
}

/* Add the content before each guard page, which from Linux 6.15 on may be in any mapping. */
static int keep_around(void *context, uint64_t start, uint64_t end, bool swapped,
                       struct ckpt_error *error)
{
    struct collector *collector = context;

    (void)swapped;
    for (; start < end; start += ckpt_page_size) {
        int guard = is_guard(collector, start, error);

        if (guard == 0)
            continue;
        if (guard < 0 || keep_content(collector, collector->at, start, error) < 0 ||
            add_guard(collector, start, start + ckpt_page_size, error) < 0)
            return -1;
        collector->at = start + ckpt_page_size;
    }
    return 0;
}

static int collect(struct collector *collector, struct ckpt_error *error)
{
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    uint64_t start = collector->map->start, end = collector->map->end;
    int result;

    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot open /proc/self/pagemap");
    if (collector->mode == CKPT_PAGES_PRIVATE) {
        result = ckpt_page_tables_each((int)fd, start, end, CKPT_PAGE_OWN, keep_private, collector,
                                       error);
    } else {
        collector->at = start;
        result = ckpt_page_tables_each((int)fd, start, end, CKPT_PAGE_SWAPPED, keep_around,
                                       collector, error);
        if (result == 0)
            result = keep_content(collector, collector->at, end, error);
    }
    ckpt_sys_close((int)fd);
    return result;
}

/*
 * The end of the pages of @map that can be read: reading after the last page of a file is a bus
 * error.
 */
static uint64_t fill_end(const struct ckpt_gather *gather, const struct ckpt_image_map *map)
{
    const struct ckpt_image_file *file;
    uint64_t pages;

    if (map->kind == CKPT_MAP_ANON)
        return map->end;
    if (map->kind != CKPT_MAP_FILE || map->object == CKPT_NONE || !(map->prot & PROT_READ))
        return map->start;
    file = ckpt_array_at(&gather->tables.files, map->object);
    pages = ckpt_page_ceil(file->size);
    return pages > map->offset ? map->start + (pages - map->offset) : map->start;
}

int ckpt_pages_gather(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                      enum ckpt_pages_mode mode, uint32_t first_run, struct ckpt_error *error)
{
    struct collector collector = {
        .gather = gather,
        .map = map,
        .mode = mode,
        .first_run = first_run,
        .drop_zeros = map->kind == CKPT_MAP_ANON && mode != CKPT_PAGES_FILE,
        .may_be_lazy =
            !(map->flags & (CKPT_MAP_SHARED_FLAG | CKPT_MAP_GROWSDOWN | CKPT_MAP_HUGETLB)),
        .is_code = map->kind == CKPT_MAP_FILE && (map->prot & PROT_EXEC) &&
                   (map->prot & PROT_READ) && !(map->prot & PROT_WRITE),
        .fill_end = fill_end(gather, map),
    };
    bool unreadable = !(map->prot & PROT_READ);
    bool make_readable = unreadable && mode != CKPT_PAGES_PRIVATE && mode != CKPT_PAGES_GUARDS;
    int result;

    if (map->kind == CKPT_MAP_KERNEL || (map->flags & (CKPT_MAP_DROPPABLE | CKPT_MAP_WIPEONFORK)))
        return 0;
    if (unreadable && mode == CKPT_PAGES_PRIVATE)
        collector.drop_zeros = false; /* such mappings have few pages, if any */
    collector.unreadable = unreadable && !make_readable;
    if (make_readable && ckpt_pages_protect(map->start, map->end, map->prot | PROT_READ, error) < 0)
        return -1;
    result = collect(&collector, error);
    if (make_readable && ckpt_pages_protect(map->start, map->end, map->prot, error) < 0)
        return -1;
    return result;
}

/* vm.max_map_count, at most its default, because the restore may be on another machine. */
static uint64_t max_maps(void)
{
    char text[32] = "";
    const char *at = text;
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC, 0);
    uint64_t here;

    if (fd >= 0) {
        ckpt_sys_read((int)fd, text, sizeof text - 1);
        ckpt_sys_close((int)fd);
    }
    here = ckpt_raw_number(&at, 10);
    return here && here < DEFAULT_MAPS ? here : DEFAULT_MAPS;
}

void ckpt_pages_choose_lazy(struct ckpt_tables *tables)
{
    uint64_t max = max_maps() / 2; /* half is left to the process */
    uint64_t count;

    for (uint64_t copied = COPIED_PAGES * ckpt_page_size;; copied *= 2) {
        count = 0;
        for (size_t i = 0; i < tables->runs.count; i++) {
            struct ckpt_image_run *run = ckpt_array_at(&tables->runs, i);

            if (!(run->flags & CKPT_RUN_LAZY))
                continue;
            if (run->size <= copied)
                run->flags &= ~CKPT_RUN_LAZY;
            else
                count++;
        }
        if (count == 0 || tables->maps.count + 2 * count <= max)
            return;
    }
}
