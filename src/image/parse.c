/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See parse.h. Tables are used in place in the metadata, except those whose entries have another
 * size in the release that made the image: these are copied.
 */
#include "image/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/page.h"
#include "base/raw.h"
#include "image/mailbox.h"
#include "image/notes.h"

#define HINT "; take a new checkpoint"
#define TRUNCATED "its size does not match its header; it may be truncated"

int ckpt_image_damaged(struct ckpt_error *error, const char *what)
{
    return ckpt_error_set(error, 0, "the image is damaged (%s)" HINT, what);
}

static int not_an_image(struct ckpt_error *error)
{
    return ckpt_error_set(error, 0, "this is not an image of checkpointer");
}

static int newer(const struct ckpt_image_header *header, const char *what, uint32_t version,
                 struct ckpt_error *error)
{
    return ckpt_error_set(error, 0,
                          "the image was made by a newer checkpointer (%s), and this one cannot "
                          "read its note '%s' of version %u; restore it with that release",
                          header->release, what, version);
}

/* ---- the header ---- */

uint64_t ckpt_image_first_offset(const struct ckpt_image_start *start)
{
    const Elf64_Ehdr *elf = &start->elf;

    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_ident[EI_CLASS] != ELFCLASS64 ||
        elf->e_ident[EI_DATA] != ELFDATA2LSB || elf->e_type != ET_CORE ||
        elf->e_phoff != sizeof *elf || elf->e_phentsize != sizeof(Elf64_Phdr) ||
        elf->e_phnum == 0 || start->notes.p_type != PT_NOTE ||
        start->notes.p_offset != sizeof *elf + (uint64_t)elf->e_phnum * sizeof(Elf64_Phdr))
        return 0;
    return start->notes.p_offset;
}

/* Whether a text is printable and followed only by zeros. */
static bool good_word(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    if (length == 0 || length == size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (i < length ? text[i] <= ' ' || text[i] > '~' : text[i])
            return false;
    return true;
}

static int check_sizes(const struct ckpt_image_header *header, uint64_t file_size,
                       struct ckpt_error *error)
{
    uint64_t page = header->page_size;

    if (!ckpt_page_is_valid(page))
        return ckpt_image_damaged(error, "the size of its pages");
    if (header->image_size != file_size || header->meta_size > CKPT_METADATA_MAX ||
        header->meta_size % page || header->pages_end % page ||
        header->meta_size > header->pages_end || header->pages_end > file_size ||
        file_size - header->pages_end <
            sizeof(struct ckpt_image_note) + sizeof(struct ckpt_image_end))
        return ckpt_image_damaged(error, TRUNCATED);
    return 0;
}

/* Before version 4, the note was the header alone. */
static int check_format(const struct ckpt_image_first_note *first, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = &first->header;
    uint64_t old_magic;
    uint32_t format;

    memcpy(&old_magic, &first->prefix, sizeof old_magic);
    format = old_magic == CKPT_IMAGE_MAGIC ? first->prefix.entry_size : header->format;
    if (old_magic != CKPT_IMAGE_MAGIC && header->magic != CKPT_IMAGE_MAGIC)
        return not_an_image(error);
    if (format < CKPT_IMAGE_VERSION)
        return ckpt_error_set(error, 0,
                              "the image has format version %u, and this checkpointer reads "
                              "version %u" HINT,
                              format, CKPT_IMAGE_VERSION);
    if (format > CKPT_IMAGE_VERSION)
        return ckpt_error_set(error, 0,
                              "the image has format version %u, and this checkpointer reads "
                              "version %u; restore it with the newer one that made it",
                              format, CKPT_IMAGE_VERSION);
    return 0;
}

int ckpt_image_parse_header(const struct ckpt_image_first_note *first, uint64_t file_size,
                            struct ckpt_image_header *ret_header, struct ckpt_error *error)
{
    struct ckpt_image_header header = {0};
    size_t size = first->prefix.entry_size;

    if (first->head.n_namesz != sizeof CKPT_NOTE_NAME ||
        memcmp(first->name, CKPT_NOTE_NAME, sizeof CKPT_NOTE_NAME) != 0 ||
        first->head.n_type != CKPT_NOTE_BASE + CKPT_NOTE_HEADER)
        return not_an_image(error);
    if (check_format(first, error) < 0)
        return -1;
    memcpy(&header, &first->header, size < sizeof header ? size : sizeof header);
    if (!good_word(header.engine, sizeof header.engine) ||
        !good_word(header.architecture, sizeof header.architecture) ||
        !good_word(header.release, sizeof header.release))
        return ckpt_image_damaged(error, "its header");
    if (first->prefix.version > ckpt_note_kinds[CKPT_NOTE_HEADER].version)
        return newer(&header, ckpt_note_kinds[CKPT_NOTE_HEADER].name, first->prefix.version, error);
    if (check_sizes(&header, file_size, error) < 0)
        return -1;
    *ret_header = header;
    return 0;
}

/* ---- notes ---- */

/* The entries of one note. */
struct part {
    const char *entries;
    size_t count, entry_size;
};

struct parse {
    const char *metadata;
    uint64_t end; /* offset of the end of the notes */
    struct ckpt_image_header header;
    struct part parts[CKPT_NOTE_COUNT + 1];
};

static uint64_t up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) & ~(unit - 1);
}

/* Store the note's entries in parts, if type and version are known. */
static int take_note(struct parse *parse, uint32_t type, const struct ckpt_image_note *prefix,
                     uint64_t room, struct ckpt_error *error)
{
    bool known = type >= 1 && type <= CKPT_NOTE_COUNT;
    const struct ckpt_note_kind *kind = known ? &ckpt_note_kinds[type] : NULL;
    uint64_t size = (uint64_t)prefix->entry_size * prefix->count;
    char name[32] = "";

    if (!known || prefix->version > kind->version) {
        snprintf(name, sizeof name, "%u", type);
        return prefix->flags & CKPT_NOTE_OPTIONAL
                   ? 0
                   : newer(&parse->header, known ? kind->name : name, prefix->version, error);
    }
    if (parse->parts[type].entries || prefix->version == 0 || prefix->entry_size == 0 ||
        (kind->entry_size == 1 ? prefix->entry_size != 1 : prefix->entry_size % 8) ||
        (kind->single && prefix->count != kind->single) || up(size, 8) != room)
        return ckpt_image_damaged(error, "a table has the wrong size");
    parse->parts[type] = (struct part){.entries = (const char *)(prefix + 1),
                                       .count = prefix->count,
                                       .entry_size = prefix->entry_size};
    return 0;
}

/* Read the note at *offset, which may not be ours, and move *offset to the next. */
static int one_note(struct parse *parse, uint64_t *offset, struct ckpt_error *error)
{
    const Elf64_Nhdr *note = (const Elf64_Nhdr *)(parse->metadata + *offset);
    uint64_t left = parse->end - *offset, name, size;
    bool ours;

    if (left < sizeof *note)
        return ckpt_image_damaged(error, "a note");
    name = sizeof *note + up(note->n_namesz, 4);
    size = name + up(note->n_descsz, 4);
    if (size > left)
        return ckpt_image_damaged(error, "a note");
    ours = note->n_namesz == sizeof CKPT_NOTE_NAME &&
           memcmp(note + 1, CKPT_NOTE_NAME, sizeof CKPT_NOTE_NAME) == 0;
    if (ours && (*offset % 8 || note->n_descsz % 8 || note->n_type <= CKPT_NOTE_BASE ||
                 note->n_descsz < sizeof(struct ckpt_image_note)))
        return ckpt_image_damaged(error, "a note");
    *offset += size;
    return ours ? take_note(parse, note->n_type - CKPT_NOTE_BASE,
                            (const struct ckpt_image_note *)((const char *)note + name),
                            note->n_descsz - sizeof(struct ckpt_image_note), error)
                : 0;
}

static int find_parts(struct parse *parse, uint64_t offset, struct ckpt_error *error)
{
    while (offset < parse->end)
        if (one_note(parse, &offset, error) < 0)
            return -1;
    for (uint32_t type = 1; type <= CKPT_NOTE_COUNT; type++)
        if (!parse->parts[type].entries)
            return ckpt_image_damaged(error, "a table is missing");
    if (parse->parts[CKPT_NOTE_POOL].count == 0)
        return ckpt_image_damaged(error, "a table has the wrong size");
    return 0;
}

/* Convert tables whose entries have another size to the size that this release uses. */
static int convert_parts(struct parse *parse, void **ret_converted, struct ckpt_error *error)
{
    size_t total = 0;
    char *next;

    *ret_converted = NULL;
    for (uint32_t type = 1; type <= CKPT_NOTE_COUNT; type++)
        if (parse->parts[type].entry_size != ckpt_note_kinds[type].entry_size)
            total += parse->parts[type].count * ckpt_note_kinds[type].entry_size;
    if (total == 0)
        return 0;
    next = calloc(1, total);
    if (!next)
        return ckpt_error_set(error, ENOMEM, "cannot hold the image's metadata");
    *ret_converted = next;
    for (uint32_t type = 1; type <= CKPT_NOTE_COUNT; type++) {
        struct part *part = &parse->parts[type];
        size_t size = ckpt_note_kinds[type].entry_size;

        if (part->entry_size == size)
            continue;
        for (size_t i = 0; i < part->count; i++)
            memcpy(next + i * size, part->entries + i * part->entry_size,
                   part->entry_size < size ? part->entry_size : size);
        *part = (struct part){.entries = next, .count = part->count, .entry_size = size};
        next += part->count * size;
    }
    return 0;
}

static void make_view(const struct parse *parse, struct ckpt_image_view *view)
{
    const struct part *parts = parse->parts;

    *view = (struct ckpt_image_view){
        .metadata = parse->metadata,
        .header = (const void *)parts[CKPT_NOTE_HEADER].entries,
        .process = (const void *)parts[CKPT_NOTE_PROCESS].entries,
        .kernel = (const void *)parts[CKPT_NOTE_KERNEL].entries,
        .agent = (const void *)parts[CKPT_NOTE_AGENT].entries,
        .files = (const void *)parts[CKPT_NOTE_FILES].entries,
        .maps = (const void *)parts[CKPT_NOTE_MAPS].entries,
        .shared = (const void *)parts[CKPT_NOTE_SHARED].entries,
        .runs = (const void *)parts[CKPT_NOTE_RUNS].entries,
        .threads = (const void *)parts[CKPT_NOTE_THREADS].entries,
        .fds = (const void *)parts[CKPT_NOTE_FDS].entries,
        .signals = (const void *)parts[CKPT_NOTE_SIGNALS].entries,
        .pool = parts[CKPT_NOTE_POOL].entries,
        .cpu = parts[CKPT_NOTE_CPU].entries,
        .file_count = parts[CKPT_NOTE_FILES].count,
        .map_count = parts[CKPT_NOTE_MAPS].count,
        .shared_count = parts[CKPT_NOTE_SHARED].count,
        .run_count = parts[CKPT_NOTE_RUNS].count,
        .thread_count = parts[CKPT_NOTE_THREADS].count,
        .fd_count = parts[CKPT_NOTE_FDS].count,
        .pool_size = parts[CKPT_NOTE_POOL].count,
        .cpu_size = parts[CKPT_NOTE_CPU].count,
    };
}

/* ---- all ---- */

static uint32_t meta_crc(const char *metadata, uint64_t size, uint64_t field)
{
    static const uint32_t zero;
    uint32_t crc = ckpt_raw_crc32c(0, metadata, field);

    crc = ckpt_raw_crc32c(crc, &zero, sizeof zero);
    return ckpt_raw_crc32c(crc, metadata + field + sizeof zero, size - field - sizeof zero);
}

/* An image needs the engine that made it, and the same architecture. */
static int check_origin(const struct ckpt_image_header *header, struct ckpt_error *error)
{
    if (strcmp(header->engine, CKPT_IMAGE_ENGINE) != 0)
        return ckpt_error_set(error, 0,
                              "the image was made by the engine '%s', and this is '%s'; restore it "
                              "with a checkpointer that has that engine",
                              header->engine, CKPT_IMAGE_ENGINE);
    if (strcmp(header->architecture, ckpt_arch.name) != 0)
        return ckpt_error_set(error, 0,
                              "the image was made on a processor of the architecture %s, and this "
                              "one is %s; restore it on a machine of that architecture",
                              header->architecture, ckpt_arch.name);
    return 0;
}

/* An agent that is newer than this command may need data that the command does not provide. */
static int check_agent(const struct ckpt_image_view *view, struct ckpt_error *error)
{
    const struct ckpt_image_agent *agent = view->agent;

    if (agent->mailbox_version <= CKPT_MAILBOX_VERSION &&
        agent->context_version <= ckpt_arch.context_version)
        return 0;
    return ckpt_error_set(error, 0,
                          "the image was made by a newer checkpointer (%s), and this one cannot "
                          "restore its agent (versions %u and %u); restore it with that "
                          "release",
                          view->header->release, agent->mailbox_version, agent->context_version);
}

int ckpt_image_parse(const void *metadata, size_t size, uint64_t file_size,
                     struct ckpt_image_view *ret_view, struct ckpt_error *error)
{
    struct parse parse = {.metadata = metadata};
    const struct ckpt_image_start *start = metadata;
    struct ckpt_image_view view;
    uint64_t first;
    void *converted;

    if (size < sizeof *start || !(first = ckpt_image_first_offset(start)) || first > size ||
        size - first < sizeof(struct ckpt_image_first_note))
        return not_an_image(error);
    if (ckpt_image_parse_header((const void *)(parse.metadata + first), file_size, &parse.header,
                                error) < 0)
        return -1;
    if (parse.header.meta_size != size || start->notes.p_filesz > size - first)
        return ckpt_image_damaged(error, TRUNCATED);
    if (meta_crc(metadata, size,
                 first + offsetof(struct ckpt_image_first_note, header) +
                     offsetof(struct ckpt_image_header, meta_crc)) != parse.header.meta_crc)
        return ckpt_image_damaged(error, "its checksum does not match");
    parse.end = first + start->notes.p_filesz;
    if (check_origin(&parse.header, error) < 0 || find_parts(&parse, first, error) < 0 ||
        convert_parts(&parse, &converted, error) < 0)
        return -1;
    make_view(&parse, &view);
    view.converted = converted;
    if (check_agent(&view, error) < 0 || ckpt_image_check_tables(&view, error) < 0) {
        ckpt_image_view_free(&view);
        return -1;
    }
    *ret_view = view;
    return 0;
}

void ckpt_image_view_free(struct ckpt_image_view *view)
{
    free(view->converted);
    view->converted = NULL;
}
