/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks the numbers in an image's tables, so that a restore and `inspect` can rely on them.
 */
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "arch/arch.h"
#include "image/mailbox.h"
#include "image/parse.h"

static bool good_ref(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    return ref.offset < view->pool_size && ref.size < view->pool_size - ref.offset &&
           ref.offset % 8 == 0 && view->pool[ref.offset + ref.size] == '\0';
}

static bool good_text(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    return good_ref(view, ref) && strlen(ckpt_view_text(view, ref)) == ref.size;
}

static bool is_page_aligned(const struct ckpt_image_view *view, uint64_t address)
{
    return address % view->header->page_size == 0;
}

static uint64_t pages_up(const struct ckpt_image_view *view, uint64_t size)
{
    uint64_t page = view->header->page_size;

    return (size + page - 1) & ~(page - 1);
}

/* Whether the place of a run's pages in the file is valid; guard pages have no place in it. */
static bool good_place(const struct ckpt_image_view *view, const struct ckpt_image_run *run)
{
    const struct ckpt_image_header *header = view->header;

    if (run->flags & CKPT_RUN_GUARD)
        return run->flags == CKPT_RUN_GUARD && run->offset == 0;
    return (run->flags & ~CKPT_RUN_LAZY) == 0 && is_page_aligned(view, run->offset) &&
           run->offset >= header->meta_size && run->offset <= header->pages_end &&
           run->size <= header->pages_end - run->offset;
}

/*
 * Whether the runs [first, first + count) are in [start, end), in ascending order, and their pages
 * are in the file.
 */
static bool good_runs(const struct ckpt_image_view *view, uint32_t first, uint32_t count,
                      uint64_t start, uint64_t end)
{
    if (first > view->run_count || count > view->run_count - first)
        return false;
    for (uint32_t i = first; i < first + count; i++) {
        const struct ckpt_image_run *run = &view->runs[i];

        if (!is_page_aligned(view, run->address) || !is_page_aligned(view, run->size) ||
            run->size == 0 || run->address < start || run->address > end ||
            run->size > end - run->address || !good_place(view, run))
            return false;
        start = run->address + run->size;
    }
    return true;
}

/*
 * A restore makes this path, so the path must be below its base, and must have no component such as
 * "..".
 */
static bool good_temporary(const struct ckpt_image_view *view, const struct ckpt_image_file *file)
{
    const char *path = ckpt_view_text(view, file->path);
    bool regular = S_ISREG(file->mode);

    if (!file->base || file->base >= file->path.size || path[0] != '/' || path[file->base] != '/' ||
        (!regular && !S_ISDIR(file->mode)) || regular != !!(file->flags & CKPT_FILE_COPIED))
        return false;
    for (const char *part = path + file->base; part; part = strchr(part + 1, '/')) {
        size_t length = strcspn(part + 1, "/");

        if (length == 0 || length > NAME_MAX || (length == 1 && part[1] == '.') ||
            (length == 2 && part[1] == '.' && part[2] == '.'))
            return false;
    }
    return true;
}

static bool good_file(const struct ckpt_image_view *view, const struct ckpt_image_file *file)
{
    if (!good_text(view, file->path) || file->build_id_size > sizeof file->build_id ||
        (file->flags & ~CKPT_FILE_FLAGS))
        return false;
    if ((file->flags & CKPT_FILE_TEMPORARY) && !good_temporary(view, file))
        return false;
    if (!(file->flags & CKPT_FILE_COPIED))
        return file->run_count == 0;
    return file->size <= ckpt_arch_space_end() && ckpt_view_text(view, file->path)[0] == '/' &&
           good_runs(view, file->first_run, file->run_count, 0, pages_up(view, file->size));
}

/*
 * Whether a mapping has pages in the image. A shared mapping must have none there: its file or
 * object has the pages.
 */
static bool has_content(const struct ckpt_image_view *view, const struct ckpt_image_map *map)
{
    for (uint32_t i = 0; i < map->run_count; i++)
        if (!(view->runs[map->first_run + i].flags & CKPT_RUN_GUARD))
            return true;
    return false;
}

static bool good_map(const struct ckpt_image_view *view, const struct ckpt_image_map *map,
                     uint64_t after)
{
    if (map->start < after || map->end <= map->start || map->end > ckpt_arch_space_end() ||
        !is_page_aligned(view, map->start) || !is_page_aligned(view, map->end) ||
        !is_page_aligned(view, map->offset) || map->prot > 7 || (map->flags & ~CKPT_MAP_FLAGS) ||
        map->kind < CKPT_MAP_ANON || map->kind > CKPT_MAP_KERNEL)
        return false;
    if ((map->kind == CKPT_MAP_FILE || (map->kind == CKPT_MAP_PERF && map->object != CKPT_NONE)) &&
        map->object >= view->file_count)
        return false;
    if (map->kind == CKPT_MAP_SHARED && map->object >= view->shared_count)
        return false;
    if (!good_runs(view, map->first_run, map->run_count, map->start, map->end))
        return false;
    return !(map->kind == CKPT_MAP_SHARED || map->kind == CKPT_MAP_KERNEL ||
             (map->kind == CKPT_MAP_FILE && (map->flags & CKPT_MAP_SHARED_FLAG))) ||
           !has_content(view, map);
}

static bool in_memory(const struct ckpt_image_view *view, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        if (address >= map->start && address < map->end)
            return size <= map->end - address && (map->prot & 2) && map->kind != CKPT_MAP_KERNEL;
    }
    return false;
}

/* The restorer moves the vDSO to its old address, so a CKPT_MAP_KERNEL mapping must be there. */
static bool good_special(const struct ckpt_image_view *view, uint64_t start, uint64_t end)
{
    int ends = 0;

    if (start == 0 && end == 0)
        return true;
    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        if (map->kind == CKPT_MAP_KERNEL)
            ends +=
                (start >= map->start && start < map->end) + (end > map->start && end <= map->end);
    }
    return start < end && ends == 2;
}

static bool good_threads(const struct ckpt_image_view *view)
{
    if (view->thread_count == 0 || !(view->threads[0].flags & CKPT_THREAD_LEADER))
        return false;
    for (size_t i = 0; i < view->thread_count; i++) {
        const struct ckpt_image_thread *thread = &view->threads[i];

        if (!in_memory(view, thread->context, sizeof(struct ckpt_arch_context)) ||
            !in_memory(view, thread->clear_tid, 4) || thread->tls >= ckpt_arch_space_end() ||
            !memchr(thread->name, 0, sizeof thread->name))
            return false;
    }
    return true;
}

/* Whether this can be the size of a structure by which the command passes data to the agent. */
static bool good_size(uint32_t size, uint32_t min)
{
    return size >= min && size <= CKPT_MAILBOX_MAX && size % 8 == 0;
}

static bool good_agent(const struct ckpt_image_view *view)
{
    const struct ckpt_image_agent *agent = view->agent;

    return agent->mailbox_version && agent->context_version &&
           good_size(agent->mailbox_size, CKPT_MAILBOX_MIN) &&
           good_size(agent->parameters_size, CKPT_PARAMETERS_MIN) && agent->mailbox % 8 == 0 &&
           in_memory(view, agent->mailbox, agent->mailbox_size);
}

static bool good_fds(const struct ckpt_image_view *view)
{
    int64_t last = -1;

    for (size_t i = 0; i < view->fd_count; i++) {
        const struct ckpt_image_fd *fd = &view->fds[i];

        if (fd->number <= last || fd->number > 1 << 20 || !good_ref(view, fd->data) ||
            (fd->same_as != CKPT_NONE && fd->same_as >= i))
            return false;
        last = fd->number;
    }
    return true;
}

int ckpt_image_check_tables(const struct ckpt_image_view *view, struct ckpt_error *error)
{
    const struct ckpt_image_process *process = view->process;
    uint64_t after = view->header->page_size;

    for (size_t i = 0; i < view->file_count; i++)
        if (!good_file(view, &view->files[i]))
            return ckpt_image_damaged(error, "the table of files");
    for (size_t i = 0; i < view->shared_count; i++)
        if (!good_text(view, view->shared[i].name) || !good_text(view, view->shared[i].directory) ||
            view->shared[i].size > ckpt_arch_space_end() ||
            !good_runs(view, view->shared[i].first_run, view->shared[i].run_count, 0,
                       pages_up(view, view->shared[i].size)))
            return ckpt_image_damaged(error, "the table of memory files");
    for (size_t i = 0; i < view->map_count; i++) {
        if (!good_map(view, &view->maps[i], after))
            return ckpt_image_damaged(error, "the table of mappings");
        after = view->maps[i].end;
    }
    if (!good_ref(view, process->auxv) || !good_text(view, process->exe) ||
        !good_text(view, process->cwd) || !good_ref(view, process->command) ||
        !good_text(view, process->java) || !good_ref(view, process->shared_generators) ||
        !good_ref(view, process->labels))
        return ckpt_image_damaged(error, "the process's description");
    if (!good_special(view, view->kernel->vdso_start, view->kernel->vdso_end) ||
        !good_special(view, view->kernel->vvar_start, view->kernel->vvar_end))
        return ckpt_image_damaged(error, "the place of the vDSO");
    if (!good_threads(view))
        return ckpt_image_damaged(error, "the table of threads");
    if (!good_agent(view))
        return ckpt_image_damaged(error, "the agent's part");
    if (!good_fds(view))
        return ckpt_image_damaged(error, "the table of descriptors");
    return 0;
}
