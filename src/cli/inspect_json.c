/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Prints an image's description for programs: one JSON document. docs/checkpointer.1 describes its
 * keys, which are never renamed. Addresses are texts ("0x7f..."), because many JSON parsers lose
 * bits of large numbers.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/inspect.h"

static void add(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

/* JSON is UTF-8: in a text that is not, each byte above 0x7f becomes a question mark. */
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

static json_t *text_or_null(const char *text)
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

    ckpt_inspect_time(seconds, text, sizeof text);
    return json_string(text);
}

static json_t *words_json(const char *const *words)
{
    json_t *list = json_array();

    for (; *words; words++)
        json_array_append_new(list, text_json(*words));
    return list;
}

/* An object. Of labels with the same key, which no agent writes, the last one counts. */
static json_t *labels_json(const struct ckpt_description *image)
{
    json_t *labels = json_object();

    for (size_t i = 0; image->labels && image->labels[i]; i++) {
        const char *value = strchr(image->labels[i], '=');
        char *key = value ? strndup(image->labels[i], (size_t)(value - image->labels[i])) : NULL;

        if (key)
            add(labels, key, text_json(value + 1));
        free(key);
    }
    return labels;
}

static json_t *generators_json(const struct ckpt_description *image)
{
    json_t *list = json_array();

    for (size_t i = 0; i < image->generator_count; i++) {
        json_t *entry = json_object();

        add(entry, "class", text_json(image->generators[i].class_name));
        add(entry, "count", number(image->generators[i].count));
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *threads_json(const struct ckpt_description *image)
{
    json_t *threads = json_array();

    for (size_t i = 0; i < image->thread_count; i++) {
        const struct ckpt_described_thread *thread = &image->threads[i];
        json_t *entry = json_object();

        add(entry, "tid", number(thread->tid));
        add(entry, "name", text_json(thread->name));
        add(entry, "leader", json_boolean(thread->leader));
        if (!image->content_in) {
            add(entry, "at", text_json(thread->at));
            add(entry, "ip", address(thread->ip));
            add(entry, "sp", address(thread->sp));
        }
        json_array_append_new(threads, entry);
    }
    return threads;
}

static json_t *fds_json(const struct ckpt_description *image)
{
    json_t *fds = json_array();

    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_described_fd *fd = &image->fds[i];
        json_t *entry = json_object();

        add(entry, "number", json_integer(fd->number));
        add(entry, "kind", json_string(fd->kind));
        add(entry, "what", text_json(fd->what));
        add(entry, "path", text_or_null(fd->path));
        add(entry, "position", fd->has_position ? number(fd->position) : json_null());
        add(entry, "open_flags", number(fd->open_flags));
        add(entry, "close_on_exec", json_boolean(fd->close_on_exec));
        add(entry, "same_as", fd->same_as < 0 ? json_null() : json_integer(fd->same_as));
        json_array_append_new(fds, entry);
    }
    return fds;
}

static json_t *files_json(const struct ckpt_description *image)
{
    static const char *const rules[] = {
        [CKPT_RULE_SAME] = "same",
        [CKPT_RULE_ANY] = "may change",
        [CKPT_RULE_GROWN] = "may grow",
        [CKPT_RULE_MADE] = "made again",
        [CKPT_RULE_SAME_OR_COPY] = "same or from image",
        [CKPT_RULE_MADE_IF_MISSING] = "made if missing",
    };
    json_t *files = json_array();

    for (size_t i = 0; i < image->file_count; i++) {
        const struct ckpt_described_file *file = &image->files[i];
        json_t *entry = json_object();

        add(entry, "path", text_json(file->path));
        add(entry, "at_restore", json_string(rules[file->rule]));
        add(entry, "size", number(file->size));
        add(entry, "modified", moment_json(file->modified_s));
        add(entry, "build_id", text_or_null(file->build_id));
        add(entry, "image_bytes", number(file->image_bytes));
        json_array_append_new(files, entry);
    }
    return files;
}

static json_t *mappings_json(const struct ckpt_description *image)
{
    json_t *mappings = json_array();
    char protection[4];

    for (size_t i = 0; i < image->mapping_count; i++) {
        const struct ckpt_described_mapping *mapping = &image->mappings[i];
        json_t *entry = json_object();

        ckpt_inspect_protection(mapping, protection);
        add(entry, "start", address(mapping->start));
        add(entry, "end", address(mapping->end));
        add(entry, "protection", json_string(protection));
        add(entry, "shared", json_boolean(mapping->shared));
        add(entry, "kind", json_string(mapping->kind));
        add(entry, "what", *mapping->what ? text_json(mapping->what) : json_null());
        add(entry, "offset", mapping->has_offset ? number(mapping->offset) : json_null());
        add(entry, "size", number(mapping->end - mapping->start));
        add(entry, "image_bytes", number(mapping->image_bytes));
        add(entry, "flags", words_json(mapping->flags));
        json_array_append_new(mappings, entry);
    }
    return mappings;
}

static json_t *memory_files_json(const struct ckpt_description *image)
{
    json_t *list = json_array();

    for (size_t i = 0; i < image->memory_file_count; i++) {
        const struct ckpt_described_memory_file *file = &image->memory_files[i];
        json_t *entry = json_object();

        add(entry, "name", text_json(file->name));
        add(entry, "size", number(file->size));
        add(entry, "image_bytes", number(file->image_bytes));
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *sizes_json(const struct ckpt_description *image)
{
    json_t *sizes = json_object();

    add(sizes, "image", number(image->image_bytes));
    add(sizes, "pages", number(image->page_bytes));
    add(sizes, "metadata", number(image->metadata_bytes));
    if (!image->content_in)
        add(sizes, "mapped", number(image->mapped_bytes));
    return sizes;
}

static json_t *clocks_json(const struct ckpt_description *image)
{
    json_t *clocks = json_object();

    add(clocks, "realtime_ns", number(image->realtime_ns));
    add(clocks, "monotonic_ns", number(image->monotonic_ns));
    add(clocks, "boottime_ns", number(image->boottime_ns));
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
    const struct ckpt_description *image = &inspection->image;

    add(document, "directory", text_json(inspection->directory));
    add(document, "engine", text_json(image->engine));
    add(document, "format", number(image->format));
    add(document, "id", json_string(image->id));
    add(document, "java", text_json(image->java));
    add(document, "labels", labels_json(image));
    add(document, "command", words_json(image->command));
    add(document, "executable", text_json(image->executable));
    add(document, "working_directory", text_json(image->working_directory));
    add(document, "created", moment_json((int64_t)(image->realtime_ns / 1000000000u)));
    add(document, "checkpointer", text_json(image->release));
    add(document, "kernel", text_or_null(inspection->kernel));
    add(document, "architecture", text_json(image->architecture));
    if (!image->content_in)
        add(document, "processor_features", text_json(image->features));
    add(document, "page_size", number(image->page_size));
    add(document, "clocks", clocks_json(image));
    add(document, "pid", number(image->pid));
    add(document, "uid", number(image->uid));
    add(document, "gid", number(image->gid));
    add(document, "generation", number(image->generation));
    add(document, "sizes", sizes_json(image));
    add(document, "manifest", json_string(manifest[inspection->manifest_state]));
    add(document, "verified", json_boolean(image->verified));
    add(document, "restorable", json_boolean(image->restorable));
    add(document, "obstacle", image->restorable ? json_null() : text_json(image->obstacle.text));
}

int ckpt_inspect_json(const struct ckpt_inspection *inspection)
{
    const struct ckpt_description *image = &inspection->image;
    json_t *document = json_object();
    int result;

    add_summary(document, inspection);
    add(document, "generators_kept", generators_json(image));
    add(document, "threads", threads_json(image));
    /* An empty list would read as "there are none". */
    if (!image->content_in) {
        add(document, "descriptors", fds_json(image));
        add(document, "files", files_json(image));
        add(document, "memory_files", memory_files_json(image));
        add(document, "mappings", mappings_json(image));
    }
    result = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(document);
    return result;
}
