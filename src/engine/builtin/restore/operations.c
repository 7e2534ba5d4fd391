/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Translates the image's mappings into operations of the restorer. Runs in the command.
 *
 * The JVM's own memory is mapped from the image lazily, each run once with its final contents. All
 * other memory is mapped anonymously and filled by copying, many runs with one preadv(), so that it
 * is anonymous memory as before. The cost is system calls and copied pages.
 */
#include "engine/builtin/restore/operations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/kernel_abi.h"
#include "base/page.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#define HUGE_PAGE ((uint64_t)2 << 20)
#define READ_MAX ((uint64_t)512 << 10)         /* bytes of a read */
#define COLLAPSED_READ_MAX ((uint64_t)8 << 20) /* bytes of a read into huge pages */
#define WRITABLE_WHOLE_MAX ((uint64_t)4 << 20) /* larger mappings are made writable in parts */
#define WRITABLE_PARTS_MAX 64
#define MAP_MAX ((uint64_t)1 << 30) /* bytes of a writable mapping */

/* ---- lists ---- */

/*
 * All mappings are created first, then all reads are done (runs to be copied are adjacent in the
 * image, so few calls read them), then protections and advice are set.
 */
static void append(struct ckpt_operations *ops, struct ckpt_op_list *list, struct ckpt_op op)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 256;
        struct ckpt_op *more = realloc(list->ops, capacity * sizeof *more);

        ops->out_of_memory |= !more;
        if (!more)
            return;
        list->ops = more;
        list->capacity = capacity;
    }
    list->ops[list->count++] = op;
}

static void add_before_reads(struct ckpt_operations *ops, struct ckpt_op op)
{
    append(ops, &ops->before_reads, op);
}

static void add_op(struct ckpt_operations *ops, struct ckpt_op op)
{
    append(ops,
           op.type == CKPT_OP_MAP    ? &ops->before_reads
           : op.type == CKPT_OP_READ ? &ops->reads
                                     : &ops->after_reads,
           op);
}

/* ---- one mapping ---- */

static uint32_t huge_size(const struct ckpt_image_map *map)
{
    return (map->flags & CKPT_MAP_HUGE_MASK) >> CKPT_MAP_HUGE_SHIFT;
}

static uint32_t map_flags(const struct ckpt_image_map *map)
{
    uint32_t flags = MAP_FIXED | (map->flags & CKPT_MAP_SHARED_FLAG ? MAP_SHARED : MAP_PRIVATE);

    if (map->flags & CKPT_MAP_NORESERVE)
        flags |= MAP_NORESERVE;
    if (map->flags & CKPT_MAP_GROWSDOWN)
        flags |= MAP_GROWSDOWN;
    return flags;
}

/*
 * Map in pieces, which the kernel merges. The kernel may refuse to commit to the whole at once,
 * although the process got its memory in steps. Huge pages of hugetlbfs are always reserved, so
 * that mmap() fails if there are too few, and not the first access.
 */
static void add_anon(struct ckpt_operations *ops, const struct ckpt_image_map *map, uint64_t start,
                     uint64_t end, uint32_t prot)
{
    uint32_t flags = map_flags(map) | MAP_ANONYMOUS;
    bool whole = !(prot & PROT_WRITE) ||
                 (map->flags & (CKPT_MAP_SHARED_FLAG | CKPT_MAP_GROWSDOWN | CKPT_MAP_NORESERVE));

    if (map->flags & CKPT_MAP_HUGETLB) /* the restorer uses other pages if there are too few */
        flags = (flags & ~(uint32_t)MAP_NORESERVE) | MAP_HUGETLB | huge_size(map) << MAP_HUGE_SHIFT;
    if (map->flags & CKPT_MAP_DROPPABLE)
        flags = MAP_FIXED | MAP_ANONYMOUS | 0x08 /* MAP_DROPPABLE */;
    while (start < end) {
        uint64_t size = whole || end - start < MAP_MAX ? end - start : MAP_MAX;

        add_op(ops, (struct ckpt_op){.type = CKPT_OP_MAP,
                                     .prot = prot,
                                     .flags = flags,
                                     .fd = -1,
                                     .address = start,
                                     .size = size});
        start += size;
    }
}

/* Whether to ask for huge pages: they are set to madvise, and the application gave no advice. */
static bool wants_huge_pages(const struct ckpt_operations *ops, const struct ckpt_image_map *map)
{
    return ops->may_collapse && map->kind == CKPT_MAP_ANON &&
           !(map->flags & (CKPT_MAP_HUGEPAGE | CKPT_MAP_NOHUGEPAGE | CKPT_MAP_SHARED_FLAG |
                           CKPT_MAP_GROWSDOWN | CKPT_MAP_HUGETLB));
}

/* Read in pieces, which two threads share; aligned pieces of 2 MiB can be huge pages. */
static void add_read(struct ckpt_operations *ops, const struct ckpt_image_map *map,
                     const struct ckpt_image_run *run)
{
    uint64_t at = run->address, end = run->address + run->size;
    bool collapsed = wants_huge_pages(ops, map);

    if (run->flags & CKPT_RUN_GUARD) {
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_ADVISE,
                                     .prot = CKPT_MADV_GUARD_INSTALL,
                                     .address = run->address,
                                     .size = run->size});
        return;
    }
    while (at < end) {
        uint64_t border = (at + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
        uint64_t size = end - at < READ_MAX ? end - at : READ_MAX;
        bool large = collapsed && border + HUGE_PAGE <= end;
        uint32_t flags = 0;

        if (large && at == border) {
            size = (end - at) & ~(HUGE_PAGE - 1);
            size = size < COLLAPSED_READ_MAX ? size : COLLAPSED_READ_MAX;
            flags = CKPT_OP_COLLAPSE;
        } else if (large && at + size > border) {
            size = border - at;
        }
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_READ,
                                     .flags = flags,
                                     .address = at,
                                     .size = size,
                                     .offset = run->offset + (at - run->address)});
        at += size;
    }
}

/* Whether this run is mapped from the image instead of copied. */
static bool is_mapped(const struct ckpt_operations *ops, const struct ckpt_image_map *map,
                      const struct ckpt_image_run *run)
{
    return (run->flags & CKPT_RUN_LAZY) && (!(map->prot & PROT_EXEC) || ops->exec_from_image);
}

static bool is_copied(const struct ckpt_operations *ops, const struct ckpt_image_map *map,
                      const struct ckpt_image_run *run)
{
    return !(run->flags & CKPT_RUN_GUARD) && !is_mapped(ops, map, run);
}

/* The protection for the reads: writable if a run is copied, unless the mapping is large. */
static uint32_t prot_for_reads(const struct ckpt_operations *ops, const struct ckpt_image_map *map)
{
    const struct ckpt_image_run *runs = ops->restore->image.view.runs + map->first_run;

    if (map->end - map->start > WRITABLE_WHOLE_MAX && !(map->flags & CKPT_MAP_HUGETLB))
        return map->prot;
    for (uint32_t i = 0; i < map->run_count; i++)
        if (is_copied(ops, map, &runs[i]))
            return map->prot | PROT_READ | PROT_WRITE;
    return map->prot;
}

/* The end of the copied runs from @runs[*next] on that are at most @gap apart; 0: no more runs. */
static uint64_t writable_part_end(const struct ckpt_operations *ops,
                                  const struct ckpt_image_map *map,
                                  const struct ckpt_image_run *runs, uint64_t gap, uint32_t *next,
                                  uint64_t *ret_start)
{
    uint64_t end = 0;

    for (; *next < map->run_count; ++*next) {
        const struct ckpt_image_run *run = &runs[*next];

        if (!is_copied(ops, map, run))
            continue;
        if (!end)
            *ret_start = run->address;
        else if (run->address - end > gap)
            break;
        end = run->address + run->size;
    }
    return end;
}

/*
 * A large mapping that is not writable, such as a reservation, is not made writable as a whole,
 * because the kernel may refuse to commit to so much. Only parts with copied runs are.
 */
static void add_writable_parts(struct ckpt_operations *ops, const struct ckpt_image_map *map,
                               const struct ckpt_image_run *runs)
{
    uint64_t gap = 8 * ckpt_page_size, start = 0, end;
    uint32_t next, parts;

    do {
        gap *= 2;
        next = parts = 0;
        while (writable_part_end(ops, map, runs, gap, &next, &start))
            parts++;
    } while (parts > WRITABLE_PARTS_MAX);
    for (next = 0; (end = writable_part_end(ops, map, runs, gap, &next, &start));) {
        struct ckpt_op op = {.type = CKPT_OP_PROTECT,
                             .prot = map->prot | PROT_READ | PROT_WRITE,
                             .address = start,
                             .size = end - start};

        add_before_reads(ops, op);
        op.prot = map->prot;
        add_op(ops, op);
    }
}

/*
 * Add the runs of @map: lazy runs are mapped from the image, copied runs are read into the memory
 * between them. If @anonymous, this also maps that memory.
 */
static void add_runs(struct ckpt_operations *ops, const struct ckpt_image_map *map, bool anonymous)
{
    const struct ckpt_image_run *runs = ops->restore->image.view.runs + map->first_run;
    uint32_t prot = prot_for_reads(ops, map);
    uint64_t at = map->start;

    for (uint32_t i = 0; i < map->run_count; i++) {
        if (!is_mapped(ops, map, &runs[i]))
            continue;
        if (anonymous)
            add_anon(ops, map, at, runs[i].address, prot);
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_MAP,
                                     .prot = map->prot,
                                     .flags = map_flags(map),
                                     .fd = ops->restore->image.fd,
                                     .address = runs[i].address,
                                     .size = runs[i].size,
                                     .offset = runs[i].offset});
        at = runs[i].address + runs[i].size;
    }
    if (anonymous)
        add_anon(ops, map, at, map->end, prot);
    if (!(prot & PROT_WRITE))
        add_writable_parts(ops, map, runs);
    for (uint32_t i = 0; i < map->run_count; i++)
        if (!is_mapped(ops, map, &runs[i]))
            add_read(ops, map, &runs[i]);
    if (prot != map->prot)
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_PROTECT,
                                     .prot = map->prot,
                                     .address = map->start,
                                     .size = map->end - map->start});
}

static void add_advice(struct ckpt_operations *ops, const struct ckpt_image_map *map)
{
    static const struct {
        uint32_t flag, advice;
        bool before_reads; /* it decides which pages the reads allocate */
    } known[] = {
        {CKPT_MAP_HUGEPAGE | CKPT_MAP_HUGETLB, MADV_HUGEPAGE, true},
        {CKPT_MAP_NOHUGEPAGE, MADV_NOHUGEPAGE, true},
        {CKPT_MAP_DONTDUMP, MADV_DONTDUMP, false},
        {CKPT_MAP_WIPEONFORK, MADV_WIPEONFORK, false},
        {CKPT_MAP_DONTFORK, MADV_DONTFORK, false},
        {CKPT_MAP_MERGEABLE, MADV_MERGEABLE, false},
        {CKPT_MAP_SEQUENTIAL, MADV_SEQUENTIAL, false},
        {CKPT_MAP_RANDOM, MADV_RANDOM, false},
    };

    for (size_t i = 0; i < CKPT_COUNT(known); i++) {
        struct ckpt_op op = {.type = CKPT_OP_ADVISE,
                             .prot = known[i].advice,
                             .address = map->start,
                             .size = map->end - map->start};

        if (!(map->flags & known[i].flag))
            continue;
        if (known[i].before_reads)
            add_before_reads(ops, op);
        else
            add_op(ops, op);
    }
    if (map->flags & CKPT_MAP_LOCKED)
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_LOCK,
                                     .flags = map->flags & CKPT_MAP_ONFAULT ? MLOCK_ONFAULT : 0,
                                     .address = map->start,
                                     .size = map->end - map->start});
    if (map->flags & CKPT_MAP_SEALED)
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_SEAL,
                                     .address = map->start,
                                     .size = map->end - map->start});
}

/* Read a piece of a file's copy, except where a run of @map replaces it. */
static void add_copied_read(struct ckpt_operations *ops, const struct ckpt_image_map *map,
                            struct ckpt_image_run piece)
{
    const struct ckpt_image_run *runs = ops->restore->image.view.runs + map->first_run;
    uint64_t end = piece.address + piece.size;

    for (uint32_t i = 0; i <= map->run_count && piece.address < end; i++) {
        uint64_t stop = i < map->run_count && runs[i].address < end ? runs[i].address : end;

        if (stop > piece.address) {
            piece.size = stop - piece.address;
            add_read(ops, map, &piece);
        }
        if (i < map->run_count && runs[i].address + runs[i].size > piece.address) {
            piece.offset += runs[i].address + runs[i].size - piece.address;
            piece.address = runs[i].address + runs[i].size;
        }
    }
}

/* Map a file from its copy in the image; holes and pages after the end are zeros. */
static void add_copy(struct ckpt_operations *ops, const struct ckpt_image_map *map, uint32_t prot)
{
    const struct ckpt_image_view *view = &ops->restore->image.view;
    const struct ckpt_image_file *file = &view->files[map->object];
    bool reads = (map->prot & PROT_EXEC) && !ops->exec_from_image;
    uint64_t end = map->offset + (map->end - map->start);

    prot |= reads ? PROT_READ | PROT_WRITE : 0;
    add_anon(ops, map, map->start, map->end, prot);
    for (uint32_t i = 0; i < file->run_count; i++) {
        struct ckpt_image_run piece = view->runs[file->first_run + i];
        uint64_t from = piece.address > map->offset ? piece.address : map->offset;
        uint64_t to = piece.address + piece.size < end ? piece.address + piece.size : end;

        if (from >= to)
            continue;
        piece.offset += from - piece.address;
        piece.address = map->start + (from - map->offset);
        piece.size = to - from;
        if (reads)
            add_copied_read(ops, map, piece);
        else
            add_op(ops, (struct ckpt_op){.type = CKPT_OP_MAP,
                                         .prot = prot,
                                         .flags = map_flags(map),
                                         .fd = ops->restore->image.fd,
                                         .address = piece.address,
                                         .size = piece.size,
                                         .offset = piece.offset});
    }
    if (reads)
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_PROTECT,
                                     .prot = map->prot,
                                     .address = map->start,
                                     .size = map->end - map->start});
}

static void add_map(struct ckpt_operations *ops, const struct ckpt_image_map *map)
{
    struct ckpt_op from_fd = {.type = CKPT_OP_MAP,
                              .prot = map->prot,
                              .flags = map_flags(map),
                              .address = map->start,
                              .size = map->end - map->start,
                              .offset = map->offset};
    struct ckpt_image_map unshared = *map; /* no other process shares the copy */

    switch (map->kind) {
    case CKPT_MAP_ANON:
        add_runs(ops, map, true);
        break;
    case CKPT_MAP_FILE:
        from_fd.fd = ops->restore->file_fds[map->object];
        from_fd.prot = prot_for_reads(ops, map);
        unshared.flags &= ~CKPT_MAP_SHARED_FLAG;
        if (from_fd.fd < 0)
            add_copy(ops, &unshared, from_fd.prot);
        else
            add_op(ops, from_fd);
        add_runs(ops, map, false);
        break;
    case CKPT_MAP_SHARED:
        from_fd.fd = ops->restore->shared_fds[map->object];
        if (ops->restore->shared_read_fds[map->object] >= 0 && !(map->flags & CKPT_MAP_MAY_WRITE))
            from_fd.fd = ops->restore->shared_read_fds[map->object];
        add_op(ops, from_fd);
        add_runs(ops, map, false);
        break;
    case CKPT_MAP_PERF:
        from_fd.fd = ops->restore->perf_fd;
        from_fd.offset = 0;
        add_op(ops, from_fd);
        break;
    default: /* the kernel's mappings are moved, not created */
        return;
    }
    add_advice(ops, map);
}

static bool can_exec_image(const struct ckpt_restore *restore)
{
    void *at = mmap(NULL, ckpt_page_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, restore->image.fd, 0);

    if (at == MAP_FAILED)
        return false;
    munmap(at, ckpt_page_size);
    return true;
}

/* Whether huge pages are only used on request ("always [madvise] never") and a run is large. */
static bool may_collapse(const struct ckpt_image_view *view)
{
    char text[64] = "";
    bool large = false;
    int fd;

    for (size_t i = 0; i < view->run_count && !large; i++)
        large = view->runs[i].size >= HUGE_PAGE && !(view->runs[i].flags & CKPT_RUN_LAZY);
    fd = large ? open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    close(fd);
    return strstr(text, "[madvise]") != NULL;
}

/* ---- all mappings ---- */

int ckpt_operations_make(const struct ckpt_restore *restore, struct ckpt_operations *ops,
                         struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;

    *ops = (struct ckpt_operations){.restore = restore,
                                    .exec_from_image = can_exec_image(restore),
                                    .may_collapse = may_collapse(view)};
    for (size_t i = 0; i < view->map_count; i++)
        add_map(ops, &view->maps[i]);
    for (size_t i = 0; i < view->shared_count; i++)
        if (restore->shared_read_fds[i] >= 0)
            add_op(ops, (struct ckpt_op){.type = CKPT_OP_SEAL_FILE,
                                         .flags = view->shared[i].seals,
                                         .fd = restore->shared_fds[i]});
    return ops->out_of_memory ? ckpt_error_set(error, ENOMEM, "cannot plan the restore") : 0;
}

uint64_t ckpt_operations_count(const struct ckpt_operations *ops)
{
    return ops->before_reads.count + ops->reads.count + ops->after_reads.count;
}

void ckpt_operations_write(struct ckpt_operations *ops, struct ckpt_op *to)
{
    struct ckpt_op_list *lists[] = {&ops->before_reads, &ops->reads, &ops->after_reads};

    for (size_t i = 0; i < CKPT_COUNT(lists); i++) {
        if (lists[i]->count)
            memcpy(to, lists[i]->ops, lists[i]->count * sizeof *to);
        to += lists[i]->count;
        free(lists[i]->ops);
        lists[i]->ops = NULL;
    }
}
