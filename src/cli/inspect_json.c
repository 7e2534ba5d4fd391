/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * An image for programs: one JSON document, whose keys are described in docs/checkpointer.1 and are
 * not renamed.  Addresses are text, "0x7f...": many readers of JSON lose bits of large numbers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cli/inspect.h"
#include "engine/builtin/fd/kinds.h"

#define WHAT_MAX 4200

static void add(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

/* JSON is UTF-8; what is not loses its upper half. */
static json_t *text_json(const char *text)
{
    json_t *value = json_string(text);
    char *copy;

    if (value)
        return value;
    copy = strdup(text);
    for (char *at = copy; at && *at; at++)
        if (*at & 0x80)
            *at = '?';
    value = json_string(copy ? copy : "?");
    free(copy);
    return value;
}

static json_t *maybe_text(const char *text)
{
    return text ? text_json(text) : json_null();
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *address(uint64_t value)
{
    char text[20];

    snprintf(text, sizeof text, "0x%" PRIx64, value);
    return json_string(text);
}

static json_t *moment_json(int64_t seconds)
{
    char text[32];

    ckpt_inspect_moment(seconds, text, sizeof text);
    return json_string(text);
}

static json_t *command_json(const struct ckpt_image_view *view)
{
    const char *word = ckpt_view_text(view, view->process->command);
    const char *end = word + view->process->command.size;
    json_t *words = json_array();

    for (; word < end; word += strlen(word) + 1)
        json_array_append_new(words, text_json(word));
    return words;
}

static json_t *kept_json(const struct ckpt_image_view *view)
{
    const char *word = ckpt_view_text(view, view->process->kept);
    const char *end = word + view->process->kept.size;
    json_t *list = json_array();

    for (; word < end; word += strlen(word) + 1) {
        json_t *entry = json_object();
        char *class;
        uint64_t count = strtoull(word, &class, 10);

        add(entry, "class", text_json(class + (*class == ' ')));
        add(entry, "count", number(count));
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *threads_json(const struct ckpt_image_view *view)
{
    json_t *threads = json_array();
    char place[WHAT_MAX];

    for (size_t i = 0; i < view->thread_count; i++) {
        const struct ckpt_image_thread *thread = &view->threads[i];
        json_t *entry = json_object();

        ckpt_inspect_place(view, thread->ip, place, sizeof place);
        add(entry, "tid", number(thread->tid));
        add(entry, "name", text_json(thread->name));
        add(entry, "leader", json_boolean(thread->flags & CKPT_THREAD_LEADER));
        add(entry, "at", text_json(place));
        add(entry, "ip", address(thread->ip));
        add(entry, "sp", address(thread->sp));
        json_array_append_new(threads, entry);
    }
    return threads;
}

static json_t *fds_json(const struct ckpt_image_view *view)
{
    json_t *fds = json_array();
    char what[WHAT_MAX];

    for (size_t i = 0; i < view->fd_count; i++) {
        const struct ckpt_image_fd *fd = &view->fds[i];
        const char *path = ckpt_fd_path(view, fd);
        json_t *entry = json_object();

        ckpt_inspect_fd_what(view, fd, what, sizeof what);
        add(entry, "number", json_integer(fd->number));
        add(entry, "kind", json_string(ckpt_fd_row(fd->kind)->name));
        add(entry, "what", text_json(what));
        add(entry, "path", maybe_text(path));
        add(entry, "position",
            ckpt_fd_row(fd->kind)->has_position ? number(fd->position) : json_null());
        add(entry, "open_flags", number(fd->open_flags));
        add(entry, "close_on_exec", json_boolean(fd->fd_flags & FD_CLOEXEC));
        add(entry, "same_as",
            fd->same_as == CKPT_NONE ? json_null() : json_integer(view->fds[fd->same_as].number));
        json_array_append_new(fds, entry);
    }
    return fds;
}

static json_t *build_id_json(const struct ckpt_image_file *file)
{
    char text[2 * sizeof file->build_id + 1] = "";

    for (int i = 0; i < file->build_id_size; i++)
        snprintf(text + 2 * i, 3, "%02x", file->build_id[i]);
    return *text ? json_string(text) : json_null();
}

static json_t *files_json(const struct ckpt_image_view *view)
{
    json_t *files = json_array();

    for (size_t i = 0; i < view->file_count; i++) {
        const struct ckpt_image_file *file = &view->files[i];
        const char *rule = "same";
        json_t *entry = json_object();

        if (file->flags & CKPT_FILE_MADE_AGAIN)
            rule = "made again";
        else if (file->flags & CKPT_FILE_TEMPORARY)
            rule = "made if missing";
        else if (file->flags & CKPT_FILE_COPIED)
            rule = "same or from image";
        else if ((file->flags & CKPT_FILE_MAY_CHANGE) || !S_ISREG(file->mode))
            rule = "may change";
        else if (file->flags & CKPT_FILE_MAY_GROW)
            rule = "may grow";
        add(entry, "path", text_json(ckpt_view_text(view, file->path)));
        add(entry, "at_restore", json_string(rule));
        add(entry, "size", number(file->size));
        add(entry, "modified", moment_json(file->mtime_s));
        add(entry, "build_id", build_id_json(file));
        add(entry, "image_bytes",
            number(ckpt_inspect_run_bytes(view, file->first_run, file->run_count)));
        json_array_append_new(files, entry);
    }
    return files;
}

static json_t *flags_json(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {
        {CKPT_MAP_GROWSDOWN, "grows down"}, {CKPT_MAP_NORESERVE, "not reserved"},
        {CKPT_MAP_HUGEPAGE, "huge pages"},  {CKPT_MAP_NOHUGEPAGE, "no huge pages"},
        {CKPT_MAP_DONTDUMP, "not dumped"},  {CKPT_MAP_WIPEONFORK, "wiped on fork"},
        {CKPT_MAP_DONTFORK, "not forked"},  {CKPT_MAP_DROPPABLE, "droppable"},
        {CKPT_MAP_LOCKED, "locked"},        {CKPT_MAP_HEAP, "heap"},
        {CKPT_MAP_STACK, "stack"},
    };
    json_t *list = json_array();

    for (size_t i = 0; i < CKPT_COUNT(names); i++)
        if (flags & names[i].flag)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

static json_t *maps_json(const struct ckpt_image_view *view)
{
    json_t *maps = json_array();
    char text[WHAT_MAX];

    for (size_t i = 0; i < view->map_count; i++) {
        const struct ckpt_image_map *map = &view->maps[i];
        bool has_offset = map->kind == CKPT_MAP_FILE || map->kind == CKPT_MAP_SHARED;
        json_t *entry = json_object();

        add(entry, "start", address(map->start));
        add(entry, "end", address(map->end));
        snprintf(text, sizeof text, "%c%c%c", map->prot & PROT_READ ? 'r' : '-',
                 map->prot & PROT_WRITE ? 'w' : '-', map->prot & PROT_EXEC ? 'x' : '-');
        add(entry, "protection", json_string(text));
        add(entry, "shared", json_boolean(map->flags & CKPT_MAP_SHARED_FLAG));
        add(entry, "kind", json_string(ckpt_inspect_map_kind(map->kind)));
        ckpt_inspect_map_what(view, map, text, sizeof text);
        add(entry, "what", *text ? text_json(text) : json_null());
        add(entry, "offset", has_offset ? number(map->offset) : json_null());
        add(entry, "size", number(map->end - map->start));
        add(entry, "image_bytes",
            number(ckpt_inspect_run_bytes(view, map->first_run, map->run_count)));
        add(entry, "flags", flags_json(map->flags));
        json_array_append_new(maps, entry);
    }
    return maps;
}

static json_t *memory_files_json(const struct ckpt_image_view *view)
{
    json_t *list = json_array();

    for (size_t i = 0; i < view->shared_count; i++) {
        const struct ckpt_image_shared *shared = &view->shared[i];
        json_t *entry = json_object();

        add(entry, "name", text_json(ckpt_view_text(view, shared->name)));
        add(entry, "size", number(shared->size));
        add(entry, "image_bytes",
            number(ckpt_inspect_run_bytes(view, shared->first_run, shared->run_count)));
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *sizes_json(const struct ckpt_inspection *inspection)
{
    json_t *sizes = json_object();

    add(sizes, "image", number(inspection->image.view.header->image_size));
    add(sizes, "pages", number(inspection->page_bytes));
    add(sizes, "metadata", number(inspection->image.view.header->meta_size));
    add(sizes, "mapped", number(inspection->mapped_bytes));
    return sizes;
}

static json_t *clocks_json(const struct ckpt_image_header *header)
{
    json_t *clocks = json_object();

    add(clocks, "realtime_ns", number(header->realtime_ns));
    add(clocks, "monotonic_ns", number(header->monotonic_ns));
    add(clocks, "boottime_ns", number(header->boottime_ns));
    return clocks;
}

static void add_summary(json_t *document, const struct ckpt_inspection *inspection)
{
    static const char *const manifest[] = {
        [CKPT_MANIFEST_BELONGS] = "belongs",
        [CKPT_MANIFEST_OTHER] = "other",
        [CKPT_MANIFEST_MISSING] = "missing",
        [CKPT_MANIFEST_DAMAGED] = "damaged",
    };
    const struct ckpt_image_view *view = &inspection->image.view;
    char id[33];

    ckpt_inspect_id(view->header->id, id);
    add(document, "directory", text_json(inspection->directory));
    add(document, "engine", json_string(view->header->engine));
    add(document, "format", number(view->header->format));
    add(document, "id", json_string(id));
    add(document, "java", text_json(ckpt_view_text(view, view->process->java)));
    add(document, "command", command_json(view));
    add(document, "executable", text_json(ckpt_view_text(view, view->process->exe)));
    add(document, "working_directory", text_json(ckpt_view_text(view, view->process->cwd)));
    add(document, "created", moment_json((int64_t)(view->header->realtime_ns / 1000000000u)));
    add(document, "checkpointer", json_string(view->header->release));
    add(document, "kernel", maybe_text(inspection->kernel));
    add(document, "clocks", clocks_json(view->header));
    add(document, "pid", number(view->header->pid));
    add(document, "uid", number(view->header->uid));
    add(document, "gid", number(view->header->gid));
    add(document, "generation", number(view->header->generation));
    add(document, "sizes", sizes_json(inspection));
    add(document, "manifest", json_string(manifest[inspection->manifest_state]));
    add(document, "verified", json_boolean(inspection->verified));
    add(document, "restorable", json_boolean(inspection->restorable));
    add(document, "obstacle",
        inspection->restorable ? json_null() : text_json(inspection->obstacle.text));
}

int ckpt_inspect_json(const struct ckpt_inspection *inspection)
{
    const struct ckpt_image_view *view = &inspection->image.view;
    json_t *document = json_object();
    int result;

    add_summary(document, inspection);
    add(document, "generators_kept", kept_json(view));
    add(document, "threads", threads_json(view));
    add(document, "descriptors", fds_json(view));
    add(document, "files", files_json(view));
    add(document, "memory_files", memory_files_json(view));
    add(document, "mappings", maps_json(view));
    result = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(document);
    return result;
}
