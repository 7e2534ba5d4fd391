/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The words in which both ways of showing an image, for people and for programs, speak of its
 * tables.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/inspect.h"
#include "engine/builtin/fd/kinds.h"

const char *ckpt_inspect_map_kind(uint32_t kind)
{
    static const char *const names[] = {"?",
                                        [CKPT_MAP_ANON] = "memory",
                                        [CKPT_MAP_FILE] = "file",
                                        [CKPT_MAP_SHARED] = "memory file",
                                        [CKPT_MAP_PERF] = "performance data",
                                        [CKPT_MAP_KERNEL] = "kernel"};

    return names[kind < CKPT_COUNT(names) ? kind : 0];
}

static const struct ckpt_image_thread *stack_owner(const struct ckpt_image_view *view,
                                                   const struct ckpt_image_map *map)
{
    for (size_t i = 0; i < view->thread_count; i++)
        if (view->threads[i].sp >= map->start && view->threads[i].sp < map->end)
            return &view->threads[i];
    return NULL;
}

void ckpt_inspect_map_what(const struct ckpt_image_view *view, const struct ckpt_image_map *map,
                           char *text, size_t size)
{
    const struct ckpt_image_thread *thread = stack_owner(view, map);
    bool has_object = map->object != CKPT_NONE;

    *text = '\0';
    if (map->kind == CKPT_MAP_SHARED)
        snprintf(text, size, "%s", ckpt_view_text(view, view->shared[map->object].name));
    else if ((map->kind == CKPT_MAP_FILE || map->kind == CKPT_MAP_PERF) && has_object)
        snprintf(text, size, "%s", ckpt_view_text(view, view->files[map->object].path));
    else if (map->flags & CKPT_MAP_HEAP)
        snprintf(text, size, "[heap]");
    else if (map->flags & CKPT_MAP_STACK)
        snprintf(text, size, "[stack]");
    else if (map->kind == CKPT_MAP_KERNEL)
        snprintf(text, size, "[%s]",
                 map->start == view->kernel->vdso_start ? "vdso" : "vvar, the vDSO's data");
    else if (thread)
        snprintf(text, size, "stack of '%s'", thread->name);
    else if (map->kind == CKPT_MAP_ANON && (map->prot & PROT_EXEC))
        snprintf(text, size, "code");
}

void ckpt_inspect_fd_what(const struct ckpt_image_view *view, const struct ckpt_image_fd *fd,
                          char *text, size_t size)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(fd->kind);

    *text = '\0';
    if (row->describe)
        row->describe(view, fd, text, size);
}

uint64_t ckpt_inspect_run_bytes(const struct ckpt_image_view *view, uint32_t first, uint32_t count)
{
    uint64_t bytes = 0;

    for (uint32_t i = first; i < first + count; i++)
        bytes += view->runs[i].flags & CKPT_RUN_GUARD ? 0 : view->runs[i].size;
    return bytes;
}

void ckpt_inspect_place(const struct ckpt_image_view *view, uint64_t address, char *text,
                        size_t size)
{
    const char *path, *slash;

    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];

        if (address < map->start || address >= map->end)
            continue;
        if (map->kind == CKPT_MAP_FILE) {
            path = ckpt_view_text(view, view->files[map->object].path);
            slash = strrchr(path, '/');
            snprintf(text, size, "%s+0x%llx", slash ? slash + 1 : path,
                     (unsigned long long)(address - map->start + map->offset));
        } else if (map->kind == CKPT_MAP_ANON && (map->prot & PROT_EXEC)) {
            snprintf(text, size, "generated code");
        } else {
            snprintf(text, size, "%s", ckpt_inspect_map_kind(map->kind));
        }
        return;
    }
    snprintf(text, size, "nowhere");
}

void ckpt_inspect_moment(int64_t seconds, char *text, size_t size)
{
    time_t moment = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&moment, &parts) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts))
        snprintf(text, size, "?");
}

void ckpt_inspect_id(const uint8_t id[16], char text[33])
{
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
}
