/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * Lays an image out and writes it.  Pages go first and the metadata last: a write that stops
 * half-way leaves a file that starts with zeros, which nobody takes for an image.
 *
 * How the file is written decides how fast it is read: large writes make large folios in the page
 * cache, and a lazy run of 2 MiB or more is at an offset equal to its address modulo 2 MiB, so that
 * the kernel can map it by large pieces.  Runs that a restore copies are side by side, so that few
 * preadv calls read them all.
 */
#include "image/writer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "image/corenotes.h"

#define LARGE ((uint64_t)2 << 20)
#define MOST_SEGMENTS 65000u /* e_phnum has 16 bits; runs beyond it are left to our own table */

static uint64_t up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

int ckpt_tables_init(struct ckpt_tables *tables, struct ckpt_scratch *scratch,
                     struct ckpt_error *error)
{
    struct ckpt_ref nothing;

    *tables = (struct ckpt_tables){.scratch = scratch};
    ckpt_array_init(&tables->files, sizeof(struct ckpt_image_file));
    ckpt_array_init(&tables->maps, sizeof(struct ckpt_image_map));
    ckpt_array_init(&tables->shared, sizeof(struct ckpt_image_shared));
    ckpt_array_init(&tables->runs, sizeof(struct ckpt_image_run));
    ckpt_array_init(&tables->threads, sizeof(struct ckpt_image_thread));
    ckpt_array_init(&tables->fds, sizeof(struct ckpt_image_fd));
    ckpt_array_init(&tables->pool, 1);
    ckpt_array_init(&tables->sources, sizeof(struct ckpt_source));
    return ckpt_tables_pool(tables, "", 0, &nothing, error); /* so that a zero ref is "" */
}

int ckpt_tables_pool(struct ckpt_tables *tables, const void *data, size_t size,
                     struct ckpt_ref *ret_ref, struct ckpt_error *error)
{
    size_t offset = up(tables->pool.count, 8);
    size_t grow = offset - tables->pool.count + size + 1;
    char *at = ckpt_array_add(&tables->pool, tables->scratch, grow, error);

    if (!at)
        return -1;
    __builtin_memcpy(ckpt_array_at(&tables->pool, offset), data, size);
    *ret_ref = (struct ckpt_ref){.offset = (uint32_t)offset, .size = (uint32_t)size};
    return 0;
}

const char *ckpt_tables_text(const struct ckpt_tables *tables, struct ckpt_ref ref)
{
    return ckpt_array_at(&tables->pool, ref.offset);
}

/* ---- layout ---- */

enum size_class { COPIED, MIDDLE, BIG, CLASSES };

static enum size_class class_of(const struct ckpt_image_run *run)
{
    if (!(run->flags & CKPT_RUN_LAZY))
        return COPIED;
    return run->size < LARGE ? MIDDLE : BIG;
}

/*
 * Give every run its offset, class by class, from @offset on; returns the size of the whole file.
 */
static uint64_t place_runs(struct ckpt_tables *tables, uint64_t offset)
{
    for (int class = COPIED; class < CLASSES; class ++) {
        for (size_t i = 0; i < tables->runs.count; i++) {
            struct ckpt_image_run *run = ckpt_array_at(&tables->runs, i);

            if ((run->flags & CKPT_RUN_GUARD) || (int)class_of(run) != class)
                continue;
            if (class == BIG)
                offset += (run->address - offset) % LARGE;
            run->offset = offset;
            offset += run->size;
        }
    }
    return offset;
}

/* ---- metadata ---- */

static void put_our_notes(struct ckpt_tables *tables, struct ckpt_notes *notes)
{
    const struct {
        uint32_t type;
        const void *data;
        size_t size;
    } parts[] = {
        {CKPT_NOTE_HEADER, &tables->header, sizeof tables->header},
        {CKPT_NOTE_PROCESS, &tables->process, sizeof tables->process},
        {CKPT_NOTE_FILES, tables->files.data, tables->files.count * tables->files.element},
        {CKPT_NOTE_MAPS, tables->maps.data, tables->maps.count * tables->maps.element},
        {CKPT_NOTE_SHARED, tables->shared.data, tables->shared.count * tables->shared.element},
        {CKPT_NOTE_RUNS, tables->runs.data, tables->runs.count * tables->runs.element},
        {CKPT_NOTE_THREADS, tables->threads.data, tables->threads.count * tables->threads.element},
        {CKPT_NOTE_FDS, tables->fds.data, tables->fds.count * tables->fds.element},
        {CKPT_NOTE_SIGNALS, tables->signals, sizeof tables->signals},
        {CKPT_NOTE_POOL, tables->pool.data, tables->pool.count},
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ckpt_notes_add(notes, CKPT_NOTE_NAME, CKPT_NOTE_BASE + parts[i].type, parts[i].data,
                       parts[i].size);
}

static uint32_t segment_flags(uint32_t prot)
{
    return (prot & 1 ? PF_R : 0) | (prot & 2 ? PF_W : 0) | (prot & 4 ? PF_X : 0);
}

/* Program headers of one mapping: one a run, or one without content. Counts only if @at is NULL. */
static size_t put_segments(const struct ckpt_tables *tables, const struct ckpt_image_map *map,
                           Elf64_Phdr *at, size_t room)
{
    size_t count = 0;

    if (map->run_count == 0 && room) {
        if (at)
            *at = (Elf64_Phdr){.p_type = PT_LOAD,
                               .p_flags = segment_flags(map->prot),
                               .p_offset = tables->data_start,
                               .p_vaddr = map->start,
                               .p_memsz = map->end - map->start,
                               .p_align = CKPT_PAGE};
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
                                     .p_align = CKPT_PAGE};
        count++;
    }
    return count;
}

static size_t put_all_segments(const struct ckpt_tables *tables, Elf64_Phdr *at)
{
    size_t count = 0;

    for (size_t i = 0; i < tables->maps.count; i++)
        count += put_segments(tables, ckpt_array_at(&tables->maps, i), at ? at + count : NULL,
                              MOST_SEGMENTS - count);
    return count;
}

/* Fill @start (NULL: only measure) with all metadata; returns its size without padding. */
static uint64_t put_metadata(struct ckpt_tables *tables, char *start, size_t segments)
{
    uint64_t headers = sizeof(Elf64_Ehdr) + (segments + 1) * sizeof(Elf64_Phdr);
    struct ckpt_notes notes = {.start = start ? start + headers : NULL};

    put_our_notes(tables, &notes);
    ckpt_corenotes_add(tables, &notes);
    if (start) {
        Elf64_Ehdr *elf = (Elf64_Ehdr *)start;
        Elf64_Phdr *segment = (Elf64_Phdr *)(start + sizeof *elf);

        *elf = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                                        EV_CURRENT, ELFOSABI_NONE},
                            .e_type = ET_CORE,
                            .e_machine = EM_X86_64,
                            .e_version = EV_CURRENT,
                            .e_phoff = sizeof *elf,
                            .e_ehsize = sizeof *elf,
                            .e_phentsize = sizeof *segment,
                            .e_phnum = (uint16_t)(segments + 1)};
        *segment = (Elf64_Phdr){
            .p_type = PT_NOTE, .p_offset = headers, .p_filesz = notes.size, .p_align = 4};
        put_all_segments(tables, segment + 1);
    }
    return headers + notes.size;
}

/* ---- pages ---- */

struct write_state {
    struct ckpt_tables *tables;
    int fd;
    uint64_t done, total;
    ckpt_progress_fn *progress;
    void *context;
    char *buffer; /* LARGE bytes, for what has to be read first */
};

static int write_at(struct write_state *state, const char *data, uint64_t size, uint64_t offset,
                    struct ckpt_error *error)
{
    while (size) {
        /* End each write at a multiple of 2 MiB in the file. */
        uint64_t piece = LARGE - offset % LARGE;
        long put;

        if (piece > size)
            piece = size;
        put = ckpt_sys_pwrite(state->fd, data, piece, offset);
        if (put == -EINTR)
            continue;
        if (put <= 0)
            return ckpt_error_set(error, put ? (int)-put : EIO,
                                  "cannot write the image after %lu of %lu MiB; make room, or "
                                  "choose another directory",
                                  (unsigned long)(state->done >> 20),
                                  (unsigned long)(state->total >> 20));
        data += put;
        size -= (uint64_t)put;
        offset += (uint64_t)put;
        state->done += (uint64_t)put;
        if (state->progress)
            state->progress(state->context, state->done, state->total);
    }
    return 0;
}

/* Pages that a descriptor has at the run's address. */
static int write_from_file(struct write_state *state, struct ckpt_image_run *run, int from,
                           struct ckpt_error *error)
{
    for (uint64_t at = 0; at < run->size;) {
        uint64_t piece = run->size - at < LARGE ? run->size - at : LARGE;
        long got = ckpt_sys_pread(from, state->buffer, piece, run->address + at);

        if (got < 0)
            return ckpt_error_set(error, (int)-got, "cannot read a file of the JVM");
        if (got == 0) { /* the rest of the last page, after the end of the file */
            __builtin_memset(state->buffer, 0, piece);
            got = (long)piece;
        }
        run->crc = ckpt_raw_crc32c(run->crc, state->buffer, (size_t)got);
        if (write_at(state, state->buffer, (uint64_t)got, run->offset + at, error) < 0)
            return -1;
        at += (uint64_t)got;
    }
    return 0;
}

/* One descriptor at a time: there may be thousands of files. */
static int open_source(const struct ckpt_source *source, struct ckpt_error *error)
{
    struct stat status;
    long fd = ckpt_sys_openat(
        AT_FDCWD, source->path,
        O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (source->link ? 0 : O_NOFOLLOW), 0);

    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read '%s'", source->path);
    if (ckpt_sys_fstat((int)fd, &status) < 0 || status.st_ino != source->inode) {
        ckpt_sys_close((int)fd);
        return ckpt_error_set(error, 0, "'%s' was replaced during the checkpoint", source->path);
    }
    return (int)fd;
}

static int write_source(struct write_state *state, const struct ckpt_source *source,
                        struct ckpt_error *error)
{
    int fd = source->fd >= 0 ? source->fd : open_source(source, error);
    int result = fd < 0 ? -1 : 0;

    for (uint32_t i = 0; result == 0 && i < source->run_count; i++)
        result = write_from_file(state, ckpt_array_at(&state->tables->runs, source->first_run + i),
                                 fd, error);
    if (fd >= 0 && source->fd < 0)
        ckpt_sys_close(fd);
    return result;
}

static int write_from_memory(struct write_state *state, struct ckpt_image_run *run, bool of_file,
                             struct ckpt_error *error)
{
    uint64_t own = (uint64_t)__builtin_frame_address(0) - run->address;

    for (uint64_t at = 0; at < run->size && !(run->flags & CKPT_RUN_GUARD); at += LARGE) {
        uint64_t piece = run->size - at < LARGE ? run->size - at : LARGE;
        const char *pages = (const char *)run->address + at;

        if (of_file && ckpt_raw_peek(state->buffer, run->address + at, piece) < 0)
            return ckpt_error_set(error, EFAULT,
                                  "another process cut a mapped file short during the checkpoint "
                                  "(memory at %lx); try again",
                                  (unsigned long)(run->address + at));
        if (of_file) { /* where a plain load could end the JVM */
            pages = state->buffer;
        } else if (own < run->size) { /* our stack changes while it is written: a copy does not */
            __builtin_memcpy(state->buffer, pages, piece);
            pages = state->buffer;
        }
        run->crc = ckpt_raw_crc32c(run->crc, pages, piece); /* warms the cache for: */
        if (write_at(state, pages, piece, run->offset + at, error) < 0)
            return -1;
    }
    return 0;
}

/* Whether a run is of a mapped file.  Runs are in the order of their maps, and so are the calls. */
static bool is_of_file(const struct ckpt_tables *tables, uint32_t run, size_t *map)
{
    const struct ckpt_image_map *at;

    while (*map + 1 < tables->maps.count &&
           ((const struct ckpt_image_map *)ckpt_array_at(&tables->maps, *map + 1))->first_run <=
               run)
        ++*map;
    at = *map < tables->maps.count ? ckpt_array_at(&tables->maps, *map) : NULL;
    return at && (at->kind == CKPT_MAP_FILE || at->kind == CKPT_MAP_PERF);
}

static int write_pages(struct write_state *state, struct ckpt_error *error)
{
    struct ckpt_tables *tables = state->tables;
    uint32_t next = 0;
    size_t map = 0;

    for (size_t i = 0; i <= tables->sources.count; i++) {
        const struct ckpt_source *source =
            i < tables->sources.count ? ckpt_array_at(&tables->sources, i) : NULL;
        uint32_t end = source ? source->first_run : (uint32_t)tables->runs.count;

        for (; next < end; next++)
            if (write_from_memory(state, ckpt_array_at(&tables->runs, next),
                                  is_of_file(tables, next, &map), error) < 0)
                return -1;
        if (source && write_source(state, source, error) < 0)
            return -1;
        next += source ? source->run_count : 0;
    }
    return 0;
}

static int write_metadata(struct write_state *state, uint64_t size, size_t segments,
                          struct ckpt_error *error)
{
    struct ckpt_tables *tables = state->tables;
    char *start = ckpt_scratch_take(tables->scratch, size, error);

    if (!start)
        return -1;
    put_metadata(tables, start, segments);
    tables->header.meta_crc = ckpt_raw_crc32c(0, start, size);
    put_metadata(tables, start, segments);
    return write_at(state, start, size, 0, error);
}

static uint64_t content_size(const struct ckpt_image_run *run)
{
    return run->flags & CKPT_RUN_GUARD ? 0 : run->size;
}

/* Before anything is written: a file beyond the limit would also bring SIGXFSZ. */
static int check_room(int fd, uint64_t size, uint64_t content, struct ckpt_error *error)
{
    struct statfs system;
    struct rlimit limit;
    uint64_t left;

    if (ckpt_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit, 0, 0) == 0 &&
        limit.rlim_cur < size)
        return ckpt_error_set(error, EFBIG,
                              "the image needs a file of %lu KiB, and the limit is %lu KiB; raise "
                              "'ulimit -f' of the JVM",
                              (unsigned long)(size >> 10), (unsigned long)limit.rlim_cur >> 10);
    if (ckpt_syscall(SYS_fstatfs, fd, &system, 0, 0, 0, 0) < 0 || system.f_blocks == 0)
        return 0;
    left = (ckpt_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0) == 0 ? system.f_bfree : system.f_bavail) *
           (uint64_t)system.f_bsize;
    if (left >= content)
        return 0;
    return ckpt_error_set(error, ENOSPC,
                          "the image needs %lu MiB, and its directory has room for %lu MiB; make "
                          "room, or choose another directory",
                          (unsigned long)(content >> 20), (unsigned long)(left >> 20));
}

int ckpt_image_write(struct ckpt_tables *tables, int fd, ckpt_progress_fn *progress, void *context,
                     struct ckpt_error *error)
{
    struct write_state state = {
        .tables = tables, .fd = fd, .progress = progress, .context = context};
    size_t segments = put_all_segments(tables, NULL);
    uint64_t meta_size = up(put_metadata(tables, NULL, segments), CKPT_PAGE);

    tables->data_start = meta_size;
    tables->header.meta_size = meta_size;
    tables->header.image_size = place_runs(tables, meta_size);
    tables->header.meta_crc = 0;
    state.total = meta_size;
    for (size_t i = 0; i < tables->runs.count; i++)
        state.total += content_size(ckpt_array_at(&tables->runs, i));
    tables->process.page_total = (state.total - meta_size) / CKPT_PAGE;
    state.buffer = ckpt_scratch_take(tables->scratch, LARGE, error);
    if (!state.buffer)
        return -1;
    if (check_room(fd, tables->header.image_size, state.total, error) < 0)
        return -1;
    if (ckpt_syscall(SYS_ftruncate, fd, tables->header.image_size, 0, 0, 0, 0) < 0)
        return ckpt_error_set(error, EFBIG,
                              "the image's file system does not take a file "
                              "of %lu MiB",
                              (unsigned long)(tables->header.image_size >> 20));
    if (write_pages(&state, error) < 0 || write_metadata(&state, meta_size, segments, error) < 0)
        return -1;
    return 0;
}
