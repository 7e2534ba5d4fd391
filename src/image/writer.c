/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: only raw system calls, and of libc only memcpy and the like.
 *
 * See writer.h. Writes metadata, pages in the order of the layout, then the trailer. An image
 * without a trailer is incomplete.
 */
#include "image/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "image/layout.h"
#include "image/notes.h"

struct write_state {
    struct ckpt_tables *tables;
    struct ckpt_sink *sink;
    uint64_t at; /* offset in the image */
    uint64_t done, total;
    ckpt_progress_fn *progress;
    void *context;
    char *buffer;   /* CKPT_LARGE bytes, for pages that must be copied before they are written */
    uint32_t *sums; /* checksums of each run's pages */
};

static int put(struct write_state *state, const void *data, uint64_t size, struct ckpt_error *error)
{
    if (state->sink->write(state->sink, data, size, error) < 0)
        return -1;
    state->at += size;
    state->done += size;
    if (state->progress)
        state->progress(state->context, state->done, state->total);
    return 0;
}

static int put_pages(struct write_state *state, uint32_t run, const void *pages, uint64_t size,
                     struct ckpt_error *error)
{
    /* computing the checksum first brings the pages into the cache for the write */
    state->sums[run] = ckpt_raw_crc32c(state->sums[run], pages, size);
    return put(state, pages, size, error);
}

/* Skip to the offset of the run. */
static int skip_to(struct write_state *state, const struct ckpt_image_run *run,
                   struct ckpt_error *error)
{
    if (run->offset > state->at &&
        state->sink->skip(state->sink, run->offset - state->at, error) < 0)
        return -1;
    state->at = run->offset;
    return 0;
}

/* ---- pages ---- */

static int write_from_file(struct write_state *state, uint32_t index, int from, uint64_t delta,
                           struct ckpt_error *error)
{
    const struct ckpt_image_run *run = ckpt_array_at(&state->tables->runs, index);

    if (skip_to(state, run, error) < 0)
        return -1;
    for (uint64_t at = 0; at < run->size;) {
        uint64_t piece = run->size - at < CKPT_LARGE ? run->size - at : CKPT_LARGE;
        long got = ckpt_sys_pread(from, state->buffer, piece, run->address + at + delta);

        if (got < 0)
            return ckpt_error_set(error, (int)-got, "cannot read a file of the JVM");
        if (got == 0) { /* the rest of the last page, after the end of the file */
            __builtin_memset(state->buffer, 0, piece);
            got = (long)piece;
        }
        if (put_pages(state, index, state->buffer, (uint64_t)got, error) < 0)
            return -1;
        at += (uint64_t)got;
    }
    return 0;
}

/* Opened one at a time, because there may be thousands of files. */
static int open_page_file(const struct ckpt_page_file *file, struct ckpt_error *error)
{
    struct stat status;
    long fd = ckpt_sys_openat(
        AT_FDCWD, file->path,
        O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (file->link ? 0 : O_NOFOLLOW), 0);

    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot read '%s'", file->path);
    if (!file->is_memory &&
        (ckpt_sys_fstat((int)fd, &status) < 0 || status.st_ino != file->inode)) {
        ckpt_sys_close((int)fd);
        return ckpt_error_set(error, 0, "'%s' was replaced during the checkpoint", file->path);
    }
    return (int)fd;
}

static int write_page_file(struct write_state *state, const struct ckpt_page_file *file,
                           struct ckpt_error *error)
{
    int fd = file->fd >= 0 ? file->fd : open_page_file(file, error);
    int result = fd < 0 ? -1 : 0;

    for (uint32_t i = 0; result == 0 && i < file->run_count; i++)
        result = write_from_file(state, file->first_run + i, fd, file->delta, error);
    if (fd >= 0 && file->fd < 0)
        ckpt_sys_close(fd);
    return result;
}

/* Put the bytes of ckpt_tables.replaced into a copy of the memory at [@start, @start + @size). */
static void replace_code(const struct ckpt_tables *tables, char *copy, uint64_t start,
                         uint64_t size)
{
    for (size_t i = 0; i < tables->replaced.count; i++) {
        const struct ckpt_replaced_code *code = ckpt_array_at(&tables->replaced, i);

        if (code->address >= start && code->address - start < size)
            __builtin_memcpy(copy + (code->address - start), code->bytes, code->size);
    }
}

/* Whether some of the run's bytes are replaced. */
static bool has_replaced(const struct ckpt_tables *tables, const struct ckpt_image_run *run)
{
    for (size_t i = 0; i < tables->replaced.count; i++) {
        const struct ckpt_replaced_code *code = ckpt_array_at(&tables->replaced, i);

        if (code->address >= run->address && code->address - run->address < run->size)
            return true;
    }
    return false;
}

static int write_from_memory(struct write_state *state, uint32_t index, bool of_file,
                             struct ckpt_error *error)
{
    const struct ckpt_image_run *run = ckpt_array_at(&state->tables->runs, index);
    uint64_t own = (uint64_t)__builtin_frame_address(0) - run->address;
    bool replaced = has_replaced(state->tables, run);

    if (skip_to(state, run, error) < 0)
        return -1;
    for (uint64_t at = 0; at < run->size; at += CKPT_LARGE) {
        uint64_t piece = run->size - at < CKPT_LARGE ? run->size - at : CKPT_LARGE;
        const char *pages = (const char *)run->address + at;

        if (of_file && ckpt_raw_peek(state->buffer, run->address + at, piece) < 0)
            return ckpt_error_set(error, EFAULT,
                                  "another process truncated a mapped file during the checkpoint "
                                  "(memory at %lx); try again",
                                  (unsigned long)(run->address + at));
        if (of_file) { /* copied above, because a plain load could raise SIGBUS */
            pages = state->buffer;
        } else if (own < run->size || replaced) { /* the writer's stack changes meanwhile */
            __builtin_memcpy(state->buffer, pages, piece);
            pages = state->buffer;
        }
        if (replaced)
            replace_code(state->tables, state->buffer, run->address + at, piece);
        if (put_pages(state, index, pages, piece, error) < 0)
            return -1;
    }
    return 0;
}

/* Whether a run belongs to a mapped file. Call in the order of runs, which is that of the maps. */
static bool is_of_file(const struct ckpt_tables *tables, uint32_t run, size_t *map)
{
    const struct ckpt_image_map *at;

    while (*map + 1 < tables->maps.count &&
           ((const struct ckpt_image_map *)ckpt_array_at(&tables->maps, *map + 1))->first_run <=
               run)
        ++*map;
    at = *map < tables->maps.count ? ckpt_array_at(&tables->maps, *map) : NULL;
    return at && (at->kind == CKPT_MAP_FILE || at->kind == CKPT_MAP_PERF ||
                  (at->start >= tables->file_start && at->start < tables->file_end));
}

/* Write the runs in [@from, @to) that have this class and whose pages are in memory. */
static int write_runs(struct write_state *state, enum ckpt_run_class class, uint32_t from,
                      uint32_t to, size_t *map, struct ckpt_error *error)
{
    for (uint32_t i = from; i < to; i++)
        if (ckpt_layout_class(ckpt_array_at(&state->tables->runs, i)) == class &&
            write_from_memory(state, i, is_of_file(state->tables, i, map), error) < 0)
            return -1;
    return 0;
}

/* Write all runs of a class. Runs whose pages are in files are all of class COPIED. */
static int write_class(struct write_state *state, enum ckpt_run_class class,
                       struct ckpt_error *error)
{
    struct ckpt_tables *tables = state->tables;
    uint32_t next = 0;
    size_t map = 0;

    for (size_t i = 0; i <= tables->page_files.count; i++) {
        const struct ckpt_page_file *file =
            i < tables->page_files.count ? ckpt_array_at(&tables->page_files, i) : NULL;
        uint32_t end = file ? file->first_run : (uint32_t)tables->runs.count;

        if (write_runs(state, class, next, end, &map, error) < 0)
            return -1;
        if (file && class == CKPT_RUNS_COPIED && write_page_file(state, file, error) < 0)
            return -1;
        next = end + (file ? file->run_count : 0);
    }
    return 0;
}

/* ---- metadata and trailer ---- */

static int write_metadata(struct write_state *state, struct ckpt_error *error)
{
    uint64_t size = state->tables->header.meta_size;
    char *start = ckpt_scratch_take(state->tables->scratch, size, error);

    if (!start)
        return -1;
    ckpt_layout_metadata(state->tables, start);
    return put(state, start, size, error);
}

static int write_trailer(struct write_state *state, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = &state->tables->header;
    size_t count = state->tables->runs.count;
    uint64_t size = header->image_size - header->pages_end;
    struct ckpt_image_note prefix = {
        .version = CKPT_TRAILER_VERSION, .entry_size = sizeof(uint32_t), .count = (uint32_t)count};
    char *start = ckpt_scratch_take(state->tables->scratch, size, error);
    struct ckpt_image_end *end;

    if (!start)
        return -1;
    __builtin_memcpy(start, &prefix, sizeof prefix);
    __builtin_memcpy(start + sizeof prefix, state->sums, count * sizeof(uint32_t));
    end = (struct ckpt_image_end *)(start + size - sizeof *end);
    __builtin_memcpy(end->id, header->id, sizeof end->id);
    end->magic = CKPT_TRAILER_MAGIC;
    end->crc = ckpt_raw_crc32c(0, start, size);
    return put(state, start, size, error);
}

int ckpt_image_write(struct ckpt_tables *tables, struct ckpt_sink *sink, ckpt_progress_fn *progress,
                     void *context, struct ckpt_error *error)
{
    struct write_state state = {
        .tables = tables, .sink = sink, .progress = progress, .context = context};
    const struct ckpt_image_header *header = &tables->header;

    ckpt_layout_make(tables);
    state.total = header->meta_size + tables->process.page_total * header->page_size +
                  (header->image_size - header->pages_end);
    state.buffer = ckpt_scratch_take(tables->scratch, CKPT_LARGE, error);
    state.sums = ckpt_scratch_take(
        tables->scratch, tables->runs.count * sizeof *state.sums + sizeof *state.sums, error);
    if (!state.buffer || !state.sums ||
        sink->begin(sink, header->image_size, state.total, error) < 0 ||
        write_metadata(&state, error) < 0)
        return -1;
    for (int class = CKPT_RUNS_COPIED; class < CKPT_RUNS_NONE; class ++)
        if (write_class(&state, (enum ckpt_run_class) class, error) < 0)
            return -1;
    return write_trailer(&state, error) < 0 ? -1 : sink->finish(sink, error);
}
