/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * From the image's mappings to the operations that make them.
 *
 * The JVM's own memory is mapped from the image, lazily, each piece once with its final contents;
 * all other memory is made anew and copied, many runs with one preadv, so that it is anonymous
 * memory again.  Cost is counted in system calls and pages.
 */
#include "engine/builtin/restore/operations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#define LARGE ((uint64_t)2 << 20)
#define PIECE ((uint64_t)512 << 10)      /* copied at once */
#define COLLAPSED ((uint64_t)8 << 20)    /* the same, where the kernel is asked for huge pages */
#define OPENED_WHOLE ((uint64_t)4 << 20) /* made writable for copying in one piece */
#define OPENED_PIECES 64
#define MAPPED_AT_ONCE ((uint64_t)1 << 30)

/* ---- lists ---- */

/*
 * First everything is mapped, then everything is copied (the runs to be copied lie side by side in
 * the image, so few calls read them all), then come protections and advice.
 */
static void append(struct ckpt_operations *ops, struct ckpt_op_list *list, struct ckpt_op op)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 256;
        struct ckpt_op *more = realloc(list->ops, capacity * sizeof *more);

        ops->no_memory |= !more;
        if (!more)
            return;
        list->ops = more;
        list->capacity = capacity;
    }
    list->ops[list->count++] = op;
}

static void add_first(struct ckpt_operations *ops, struct ckpt_op op)
{
    append(ops, &ops->first, op);
}

static void add_op(struct ckpt_operations *ops, struct ckpt_op op)
{
    append(ops,
           op.type == CKPT_OP_MAP    ? &ops->first
           : op.type == CKPT_OP_READ ? &ops->reads
                                     : &ops->lasts,
           op);
}

/* ---- one mapping ---- */

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
 * Pieces become one mapping as they are made.  A single one for all may be more than the kernel
 * would commit to at once, though the process got it bit by bit.
 */
static void add_anon(struct ckpt_operations *ops, const struct ckpt_image_map *map, uint64_t start,
                     uint64_t end, uint32_t prot)
{
    uint32_t flags = map_flags(map) | MAP_ANONYMOUS;
    bool whole = !(prot & PROT_WRITE) ||
                 (map->flags & (CKPT_MAP_SHARED_FLAG | CKPT_MAP_GROWSDOWN | CKPT_MAP_NORESERVE));

    if (map->flags & CKPT_MAP_DROPPABLE)
        flags = MAP_FIXED | MAP_ANONYMOUS | 0x08 /* MAP_DROPPABLE */;
    while (start < end) {
        uint64_t size = whole || end - start < MAPPED_AT_ONCE ? end - start : MAPPED_AT_ONCE;

        add_op(ops, (struct ckpt_op){.type = CKPT_OP_MAP,
                                     .prot = prot,
                                     .flags = flags,
                                     .fd = -1,
                                     .address = start,
                                     .size = size});
        start += size;
    }
}

/* Whether the kernel may be asked for huge pages: where they are neither its choice nor switched
 * off, and the application has not chosen. */
static bool is_collapsed(const struct ckpt_operations *ops, const struct ckpt_image_map *map)
{
    return ops->may_collapse && map->kind == CKPT_MAP_ANON &&
           !(map->flags &
             (CKPT_MAP_HUGEPAGE | CKPT_MAP_NOHUGEPAGE | CKPT_MAP_SHARED_FLAG | CKPT_MAP_GROWSDOWN));
}

/* In pieces that two threads can share out; aligned ones of 2 MiB can be huge pages. */
static void add_read(struct ckpt_operations *ops, const struct ckpt_image_map *map,
                     const struct ckpt_image_run *run)
{
    uint64_t at = run->address, end = run->address + run->size;
    bool collapsed = is_collapsed(ops, map);

    if (run->flags & CKPT_RUN_GUARD) {
        add_op(ops, (struct ckpt_op){.type = CKPT_OP_ADVISE,
                                     .prot = 102 /* MADV_GUARD_INSTALL */,
                                     .address = run->address,
                                     .size = run->size});
        return;
    }
    while (at < end) {
        uint64_t border = (at + LARGE - 1) & ~(LARGE - 1);
        uint64_t size = end - at < PIECE ? end - at : PIECE;
        bool large = collapsed && border + LARGE <= end;
        uint32_t flags = 0;

        if (large && at == border) {
            size = (end - at) & ~(LARGE - 1);
            size = size < COLLAPSED ? size : COLLAPSED;
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

/* How @map is mapped first: writable if something is to be copied into it, and it is small. */
static uint32_t first_prot(const struct ckpt_operations *ops, const struct ckpt_image_map *map)
{
    const struct ckpt_image_run *runs = ops->restore->image.view.runs + map->first_run;

    for (uint32_t i = 0; i < map->run_count && map->end - map->start <= OPENED_WHOLE; i++)
        if (is_copied(ops, map, &runs[i]))
            return map->prot | PROT_READ | PROT_WRITE;
    return map->prot;
}

/* The end of the copied runs from @runs[*next] on that are at most @gap apart; 0: none is left. */
static uint64_t opened_end(const struct ckpt_operations *ops, const struct ckpt_image_map *map,
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
 * A large mapping that is not writable, such as a reservation, is not made writable as a whole: the
 * kernel may not commit to so much.  Only what is copied is, in few pieces.
 */
static void add_opened(struct ckpt_operations *ops, const struct ckpt_image_map *map,
                       const struct ckpt_image_run *runs)
{
    uint64_t gap = 8 * CKPT_PAGE, start = 0, end;
    uint32_t next, pieces;

    do {
        gap *= 2;
        next = pieces = 0;
        while (opened_end(ops, map, runs, gap, &next, &start))
            pieces++;
    } while (pieces > OPENED_PIECES);
    for (next = 0; (end = opened_end(ops, map, runs, gap, &next, &start));) {
        struct ckpt_op op = {.type = CKPT_OP_PROTECT,
                             .prot = map->prot | PROT_READ | PROT_WRITE,
                             .address = start,
                             .size = end - start};

        add_first(ops, op);
        op.prot = map->prot;
        add_op(ops, op);
    }
}

/*
 * The runs of @map: those to be mapped replace the piece of memory they belong to, those to be
 * copied are read into the pieces between them.  For @anonymous memory these pieces are mapped here
 * too.
 */
static void add_runs(struct ckpt_operations *ops, const struct ckpt_image_map *map, bool anonymous)
{
    const struct ckpt_image_run *runs = ops->restore->image.view.runs + map->first_run;
    uint32_t prot = first_prot(ops, map);
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
        add_opened(ops, map, runs);
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
        bool first; /* decides how the pages that are copied are made */
    } known[] = {
        {CKPT_MAP_HUGEPAGE, MADV_HUGEPAGE, true},
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
        if (known[i].first)
            add_first(ops, op);
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

/* Read a piece of a file's copy, but not where a run of @map is going to be mapped. */
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

/* A mapping of a file from its copy in the image: what is after its end there, or a hole, is 0. */
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

    switch (map->kind) {
    case CKPT_MAP_ANON:
        add_runs(ops, map, true);
        break;
    case CKPT_MAP_FILE:
        from_fd.fd = ops->restore->file_fds[map->object];
        from_fd.prot = first_prot(ops, map);
        if (from_fd.fd < 0)
            add_copy(ops, map, from_fd.prot);
        else
            add_op(ops, from_fd);
        add_runs(ops, map, false);
        break;
    case CKPT_MAP_SHARED:
        from_fd.fd = ops->restore->shared_fds[map->object];
        add_op(ops, from_fd);
        add_runs(ops, map, false);
        break;
    case CKPT_MAP_PERF:
        from_fd.fd = ops->restore->perf_fd;
        from_fd.offset = 0;
        add_op(ops, from_fd);
        break;
    default: /* the kernel's own are moved */
        return;
    }
    add_advice(ops, map);
}

static bool can_exec_image(const struct ckpt_restore *restore)
{
    void *at = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, restore->image.fd, 0);

    if (at == MAP_FAILED)
        return false;
    munmap(at, CKPT_PAGE);
    return true;
}

/* Only where huge pages are for those who ask: "always [madvise] never". */
static bool may_collapse(const struct ckpt_image_view *view)
{
    char text[64] = "";
    bool large = false;
    int fd;

    for (size_t i = 0; i < view->run_count && !large; i++)
        large = view->runs[i].size >= LARGE && !(view->runs[i].flags & CKPT_RUN_LAZY);
    fd = large ? open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    close(fd);
    return strstr(text, "[madvise]") != NULL;
}

/* ---- all ---- */

int ckpt_operations_make(const struct ckpt_restore *restore, struct ckpt_operations *ops,
                         struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;

    *ops = (struct ckpt_operations){.restore = restore,
                                    .exec_from_image = can_exec_image(restore),
                                    .may_collapse = may_collapse(view)};
    for (size_t i = 0; i < view->map_count; i++)
        add_map(ops, &view->maps[i]);
    return ops->no_memory ? ckpt_error_set(error, ENOMEM, "cannot plan the restore") : 0;
}

uint64_t ckpt_operations_count(const struct ckpt_operations *ops)
{
    return ops->first.count + ops->reads.count + ops->lasts.count;
}

void ckpt_operations_put(struct ckpt_operations *ops, struct ckpt_op *to)
{
    struct ckpt_op_list *lists[] = {&ops->first, &ops->reads, &ops->lasts};

    for (size_t i = 0; i < CKPT_COUNT(lists); i++) {
        if (lists[i]->count)
            memcpy(to, lists[i]->ops, lists[i]->count * sizeof *to);
        to += lists[i]->count;
        free(lists[i]->ops);
        lists[i]->ops = NULL;
    }
}
