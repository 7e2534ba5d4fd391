/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: only raw system calls, and of libc only memcpy and the like.
 *
 * See layout.h. The layout of the file decides how fast it is read: a lazy run of 2 MiB or more has
 * an offset equal to its address modulo 2 MiB, so that the kernel can map large pages. Runs that a
 * restore copies are adjacent, so that a few preadv() calls read them all.
 */
#include "image/layout.h"

#include <elf.h>

#include "arch/arch.h"
#include "base/raw.h"
#include "image/corenotes.h"
#include "image/notes.h"

#define MAX_SEGMENTS 65000u /* e_phnum has 16 bits; further runs are only in our note */

static uint64_t up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* ---- pages ---- */

enum ckpt_run_class ckpt_layout_class(const struct ckpt_image_run *run)
{
    if (run->flags & CKPT_RUN_GUARD)
        return CKPT_RUNS_NONE;
    if (!(run->flags & CKPT_RUN_LAZY))
        return CKPT_RUNS_COPIED;
    return run->size < CKPT_LARGE ? CKPT_RUNS_MAPPED : CKPT_RUNS_LARGE;
}

/* Set the offset of each run, from @offset on; returns the end of the last one. */
static uint64_t place_runs(struct ckpt_tables *tables, uint64_t offset)
{
    uint64_t pages = 0;

    for (int class = CKPT_RUNS_COPIED; class < CKPT_RUNS_NONE; class ++) {
        for (size_t i = 0; i < tables->runs.count; i++) {
            struct ckpt_image_run *run = ckpt_array_at(&tables->runs, i);

            if ((int)ckpt_layout_class(run) != class)
                continue;
            if (class == CKPT_RUNS_LARGE)
                offset += (run->address - offset) % CKPT_LARGE;
            run->offset = offset;
            offset += run->size;
            pages += run->size / tables->header.page_size;
        }
    }
    tables->process.page_total = pages;
    return offset;
}

/* ---- metadata ---- */

static void put_our_notes(struct ckpt_tables *tables, struct ckpt_notes *notes)
{
    const struct {
        enum ckpt_note_type type;
        const void *entries;
        size_t count;
    } parts[] = {
        {CKPT_NOTE_HEADER, &tables->header, 1},
        {CKPT_NOTE_PROCESS, &tables->process, 1},
        {CKPT_NOTE_KERNEL, &tables->kernel, 1},
        {CKPT_NOTE_CPU, &tables->cpu, sizeof tables->cpu},
        {CKPT_NOTE_AGENT, &tables->agent, 1},
        {CKPT_NOTE_FILES, tables->files.data, tables->files.count},
        {CKPT_NOTE_MAPS, tables->maps.data, tables->maps.count},
        {CKPT_NOTE_SHARED, tables->shared.data, tables->shared.count},
        {CKPT_NOTE_RUNS, tables->runs.data, tables->runs.count},
        {CKPT_NOTE_THREADS, tables->threads.data, tables->threads.count},
        {CKPT_NOTE_FDS, tables->fds.data, tables->fds.count},
        {CKPT_NOTE_SIGNALS, tables->signals, 64},
        {CKPT_NOTE_POOL, tables->pool.data, tables->pool.count},
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ckpt_notes_add_entries(notes, parts[i].type, parts[i].entries, parts[i].count);
}

static uint32_t segment_flags(uint32_t prot)
{
    return (prot & 1 ? PF_R : 0) | (prot & 2 ? PF_W : 0) | (prot & 4 ? PF_X : 0);
}

/*
 * Put the program headers of a mapping: one for each run, or one without content. @at NULL: only
 * count them.
 */
static size_t put_segments(const struct ckpt_tables *tables, const struct ckpt_image_map *map,
                           Elf64_Phdr *at, size_t room)
{
    size_t count = 0;

    if (map->run_count == 0 && room) {
        if (at)
            *at = (Elf64_Phdr){.p_type = PT_LOAD,
                               .p_flags = segment_flags(map->prot),
                               .p_offset = tables->header.meta_size,
                               .p_vaddr = map->start,
                               .p_memsz = map->end - map->start,
                               .p_align = tables->header.page_size};
        return 1;
    }
    if (map->kind == CKPT_MAP_SHARED)
        return 0;
    for (uint32_t i = 0; i < map->run_count && count < room; i++) {
        const struct ckpt_image_run *run = ckpt_array_at(&tables->runs, map->first_run + i);

        if (run->flags & CKPT_RUN_GUARD)
            continue;
        if (at)
            at[count] = (Elf64_Phdr){.p_type = PT_LOAD,
                                     .p_flags = segment_flags(map->prot),
                                     .p_offset = run->offset,
                                     .p_vaddr = run->address,
                                     .p_filesz = run->size,
                                     .p_memsz = run->size,
                                     .p_align = tables->header.page_size};
        count++;
    }
    return count;
}

static size_t put_all_segments(const struct ckpt_tables *tables, Elf64_Phdr *at)
{
    size_t count = 0;

    for (size_t i = 0; i < tables->maps.count; i++)
        count += put_segments(tables, ckpt_array_at(&tables->maps, i), at ? at + count : NULL,
                              MAX_SEGMENTS - count);
    return count;
}

/* Write all metadata to @start (NULL: only compute the size); returns its size without padding. */
static uint64_t put_metadata(struct ckpt_tables *tables, char *start)
{
    size_t segments = put_all_segments(tables, NULL);
    uint64_t headers = ckpt_notes_offset(segments);
    struct ckpt_notes notes = {.start = start ? start + headers : NULL};

    put_our_notes(tables, &notes);
    ckpt_corenotes_add(tables, &notes);
    if (start) {
        ckpt_notes_put_elf_header(start, segments, notes.size);
        put_all_segments(tables, (Elf64_Phdr *)(start + ckpt_notes_offset(0)));
    }
    return headers + notes.size;
}

void ckpt_layout_make(struct ckpt_tables *tables)
{
    struct ckpt_image_header *header = &tables->header;
    uint64_t sums = up(tables->runs.count * sizeof(uint32_t), 8);

    header->meta_size = up(put_metadata(tables, NULL), header->page_size);
    header->pages_end = place_runs(tables, header->meta_size);
    header->image_size =
        header->pages_end + sizeof(struct ckpt_image_note) + sums + sizeof(struct ckpt_image_end);
}

void ckpt_layout_metadata(struct ckpt_tables *tables, char *start)
{
    struct ckpt_image_header *header = &tables->header;

    header->meta_crc = 0;
    put_metadata(tables, start);
    header->meta_crc = ckpt_raw_crc32c(0, start, header->meta_size);
    put_metadata(tables, start);
}
