// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Images of other checkpointers: with entries that are longer or shorter, notes in another order,
// notes and versions that this one does not know, another engine's. What can be read is read, what
// must not be overlooked is refused by name.

#include <stddef.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/restore/handover.h"
#include "image/notes.h"
#include "sample.h"
#include "tap.h"

#define UNKNOWN 77u // a type of note that there is not

// The sample's metadata, and how to write its notes again.
struct rewrite {
    const char *metadata;
    size_t size;
    uint64_t file_size;
    uint32_t type;        // of the note that becomes another one; 0: none
    int grow;             // bytes that its entries get, or lose, at their end
    uint32_t version;     // its new version; 0: as it is
    uint32_t flags;       // its flags
    bool twice, last;     // it is there twice; it comes after all others
    uint32_t added_flags; // of a note of type UNKNOWN
    bool added;
};

static const void *note_at(const char *metadata, uint64_t offset, struct ckpt_image_note *ret)
{
    const char *description = metadata + offset + CKPT_NOTE_HEAD;

    memcpy(ret, description, sizeof *ret);
    return description + sizeof *ret;
}

static void add_note(struct ckpt_notes *notes, uint32_t type, const struct ckpt_image_note *note,
                     const char *entries, size_t entry_size)
{
    size_t whole = ((size_t)note->entry_size * note->count + 7) & ~(size_t)7;
    size_t same = entry_size < note->entry_size ? entry_size : note->entry_size;
    uint64_t end = notes->size + CKPT_NOTE_HEAD + sizeof *note + whole;

    ckpt_notes_begin(notes, CKPT_NOTE_NAME, CKPT_NOTE_BASE + type, sizeof *note + whole);
    ckpt_notes_put(notes, note, sizeof *note);
    for (uint32_t i = 0; i < note->count; i++) {
        ckpt_notes_put(notes, entries + i * entry_size, same);
        for (size_t more = same; more < note->entry_size; more++)
            ckpt_notes_put(notes, "\x7f", 1); // what a newer checkpointer has there
    }
    ckpt_notes_put(notes, NULL, end - notes->size);
}

// One note, as the rewrite wants it.
static void rewrite_note(const struct rewrite *rewrite, struct ckpt_notes *notes, uint64_t offset,
                         uint32_t type)
{
    struct ckpt_image_note note;
    const char *entries = note_at(rewrite->metadata, offset, &note);
    size_t entry_size = note.entry_size;

    if (type == rewrite->type) {
        note.entry_size = (uint32_t)((int)note.entry_size + rewrite->grow);
        note.version = rewrite->version ? rewrite->version : note.version;
        note.flags = rewrite->flags;
    }
    add_note(notes, type, &note, entries, entry_size);
}

// Metadata of the same size, with our notes rewritten and those for debuggers left out.
static char *rewrite_all(const struct rewrite *rewrite)
{
    char *copy = calloc(1, rewrite->size);
    struct ckpt_image_start *start = (struct ckpt_image_start *)copy;
    uint64_t first = ckpt_image_first_offset((const struct ckpt_image_start *)rewrite->metadata);
    static const uint64_t content[2];
    struct ckpt_image_note added = {
        .version = 1, .flags = rewrite->added_flags, .entry_size = 8, .count = 2};
    struct ckpt_notes notes = {.start = copy + first};

    memcpy(copy, rewrite->metadata, first);
    for (int pass = 0; pass < 2; pass++) {
        uint64_t offset = first;

        for (int i = 0; i < CKPT_NOTE_COUNT; i++) {
            const Elf64_Nhdr *head = (const Elf64_Nhdr *)(rewrite->metadata + offset);
            uint32_t type = head->n_type - CKPT_NOTE_BASE;
            bool late = type == rewrite->type && rewrite->last;

            if (late == (pass == 1) || (type == rewrite->type && rewrite->twice && pass == 1))
                rewrite_note(rewrite, &notes, offset, type);
            offset += CKPT_NOTE_HEAD + head->n_descsz;
        }
        if (pass == 0 && rewrite->added)
            add_note(&notes, UNKNOWN, &added, (const char *)content, 8);
    }
    if (first + notes.size > rewrite->size)
        TAP_BAIL_OUT("the sample has no room for that");
    start->notes.p_filesz = notes.size;
    sample_seal(copy, rewrite->size);
    return copy;
}

// Parse it; the tables are in what is returned. NULL: refused.
static char *parse(const struct rewrite *rewrite, struct ckpt_image_view *ret_view,
                   struct ckpt_error *error)
{
    char *copy = rewrite_all(rewrite);

    error->text[0] = '\0';
    if (ckpt_image_parse(copy, rewrite->size, rewrite->file_size, ret_view, error) == 0)
        return copy;
    free(copy);
    return NULL;
}

static bool same(const struct ckpt_array *array, const void *table, size_t count)
{
    return count == array->count && memcmp(table, array->data, count * array->element) == 0;
}

// Everything but the sizes in the header, which the writer sets.
static bool same_tables(const struct ckpt_tables *tables, const struct ckpt_image_view *view)
{
    return same(&tables->files, view->files, view->file_count) &&
           same(&tables->maps, view->maps, view->map_count) &&
           same(&tables->shared, view->shared, view->shared_count) &&
           same(&tables->runs, view->runs, view->run_count) &&
           same(&tables->threads, view->threads, view->thread_count) &&
           same(&tables->fds, view->fds, view->fd_count) &&
           same(&tables->pool, view->pool, view->pool_size) &&
           memcmp(view->signals, tables->signals, sizeof tables->signals) == 0 &&
           memcmp(view->process, &tables->process, sizeof tables->process) == 0 &&
           memcmp(view->kernel, &tables->kernel, sizeof tables->kernel) == 0 &&
           memcmp(view->agent, &tables->agent, sizeof tables->agent) == 0 &&
           memcmp(view->header->id, tables->header.id, sizeof tables->header.id) == 0;
}

static void reads_as(const struct rewrite *rewrite, const struct sample *sample, const char *name)
{
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = parse(rewrite, &view, &error);

    if (!TAP_OK(copy && same_tables(&sample->tables, &view), name))
        tap_note("%s", error.text);
    if (copy)
        ckpt_image_view_free(&view);
}

static void is_refused(const struct rewrite *rewrite, const char *words, const char *name)
{
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = parse(rewrite, &view, &error);

    if (!TAP_OK(!copy && strstr(error.text, words), name))
        tap_note("%s", copy ? "accepted" : error.text);
    if (copy)
        ckpt_image_view_free(&view);
}

// ---- entries

static void test_entries(struct rewrite rewrite, const struct sample *sample)
{
    char name[128];

    for (rewrite.type = 1; rewrite.type <= CKPT_NOTE_COUNT; rewrite.type++) {
        const char *table = ckpt_note_kinds[rewrite.type].name;

        if (ckpt_note_kinds[rewrite.type].entry_size == 1)
            continue;
        rewrite.grow = 8;
        snprintf(name, sizeof name, "%s: longer entries are read as far as they are known", table);
        reads_as(&rewrite, sample, name);
        rewrite.grow = 4;
        snprintf(name, sizeof name, "%s: entries whose size is odd are refused", table);
        is_refused(&rewrite, "wrong size", name);
    }
    rewrite.type = CKPT_NOTE_FDS; // the sample's have zeros there
    rewrite.grow = -8;
    reads_as(&rewrite, sample, "descriptors: what shorter entries do not have is zero");
    rewrite.type = CKPT_NOTE_AGENT; // and its flags
    reads_as(&rewrite, sample, "agent: what a shorter entry does not have is zero");
    rewrite.type = CKPT_NOTE_MAPS;
    rewrite.grow = 8 - (int)sizeof(struct ckpt_image_map);
    is_refused(&rewrite, "damaged", "mappings: entries that are far too short are refused");
    rewrite.grow = -(int)sizeof(struct ckpt_image_map);
    is_refused(&rewrite, "wrong size", "mappings: entries without a size are refused");
}

// ---- notes

static void test_notes(struct rewrite rewrite, const struct sample *sample)
{
    reads_as(&rewrite, sample, "an image without notes for debuggers is read");
    rewrite.added = true;
    is_refused(&rewrite, "newer checkpointer (1.2.3-test)",
               "an unknown note: the checkpointer that made the image is named");
    is_refused(&rewrite, "note '77'", "an unknown note is refused by its number");
    rewrite.added_flags = CKPT_NOTE_OPTIONAL;
    reads_as(&rewrite, sample, "an unknown note that may be skipped is skipped");
    rewrite.added = false;
    rewrite.type = CKPT_NOTE_PROCESS;
    rewrite.last = true;
    reads_as(&rewrite, sample, "notes are read in any order");
    rewrite.last = false;
    rewrite.twice = true;
    is_refused(&rewrite, "damaged", "a note that is there twice is refused");
    rewrite.twice = false;
    rewrite.version = 2;
    is_refused(&rewrite, "note 'process' of version 2", "a newer version is refused by its number");
    rewrite.flags = CKPT_NOTE_OPTIONAL;
    is_refused(&rewrite, "a table is missing",
               "a newer version that may be skipped counts as missing");
    rewrite.type = CKPT_NOTE_HEADER;
    is_refused(&rewrite, "note 'header' of version 2", "a newer header is refused by its number");
}

// ---- the header

static void test_header(const struct rewrite *rewrite)
{
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = malloc(rewrite->size);
    struct ckpt_image_header *header, kept;

    memcpy(copy, rewrite->metadata, rewrite->size);
    header = sample_header(copy, rewrite->size);
    kept = *header;
    memcpy(header->engine, (char[16]){"criu"}, 16);
    sample_seal(copy, rewrite->size);
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), -1,
            "an image of another engine is refused");
    TAP_OK(strstr(error.text, "engine 'criu'"), "an image of another engine: it is named");
    *header = kept;
    memcpy(header->architecture, (char[16]){"m68k"}, 16);
    sample_seal(copy, rewrite->size);
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), -1,
            "an image of another architecture is refused");
    TAP_OK(strstr(error.text, "m68k"), "an image of another architecture: it is named");
    *header = kept;
    strcpy(header->release, "1.0\033[2J");
    sample_seal(copy, rewrite->size);
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), -1,
            "a release that is no plain text is refused");
}

// What was there before notes had versions: the header was the note.
static void test_format_3(const struct rewrite *rewrite)
{
    struct ckpt_image_view view;
    struct ckpt_error error;
    ckpt_auto_free char *copy = malloc(rewrite->size);
    struct ckpt_image_first_note *first;
    uint64_t magic = CKPT_IMAGE_MAGIC;

    memcpy(copy, rewrite->metadata, rewrite->size);
    first = (struct ckpt_image_first_note *)(copy + ckpt_image_first_offset(
                                                        (const struct ckpt_image_start *)copy));
    memcpy(&first->prefix, &magic, sizeof magic);
    first->prefix.entry_size = 3;
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), -1,
            "an image of format version 3 is refused");
    TAP_STR(error.text,
            "the image has format version 3, and this checkpointer reads version 4; take a new "
            "checkpoint",
            "an image of format version 3: the reason");
}

static void test_engine(const char *directory)
{
    struct ckpt_error error = {.text = ""};
    char engine[16] = "";

    TAP_INT(ckpt_image_engine_name(directory, CKPT_IMAGE_NAME, engine, &error), 0,
            "which engine made an image can be asked");
    TAP_STR(engine, CKPT_IMAGE_ENGINE, "the engine that made an image");
    TAP_INT(ckpt_image_engine_name(directory, "nothing", engine, &error), -1,
            "no engine made an image that is not there");
}

// ---- the agent

// The agent of a newer release, or one that has a larger mailbox of a version that is known.
static void test_agent(const struct rewrite *rewrite)
{
    struct ckpt_image_view view;
    struct ckpt_error error = {.text = ""};
    ckpt_auto_free char *copy = parse(rewrite, &view, &error);
    struct ckpt_image_agent *agent, kept;

    if (!copy)
        TAP_BAIL_OUT("%s", error.text);
    agent = (struct ckpt_image_agent *)view.agent;
    ckpt_image_view_free(&view);
    kept = *agent;
    agent->mailbox_size += 64;
    agent->parameters_size += 64;
    sample_seal(copy, rewrite->size);
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), 0,
            "an agent with a larger mailbox is accepted");
    ckpt_image_view_free(&view);
    agent->mailbox_size = 1 << 20;
    sample_seal(copy, rewrite->size);
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), -1,
            "a mailbox that is far too large is refused");
    *agent = kept;
    agent->context_version++;
    sample_seal(copy, rewrite->size);
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), -1,
            "a newer context of threads is refused");
    *agent = kept;
    agent->mailbox_version++;
    sample_seal(copy, rewrite->size);
    TAP_INT(ckpt_image_parse(copy, rewrite->size, rewrite->file_size, &view, &error), -1,
            "a newer mailbox is refused");
    TAP_OK(strstr(error.text, "restore its agent (versions 2 and 1)"),
           "a newer mailbox: its version is named");
}

// What the command writes is as large as the agent's mailbox, and says what is the agent's.
static void test_mailbox(void)
{
    const struct ckpt_mailbox mailbox = {.generation = 5, .redirect_clock = 1, .area_size = 9};
    struct ckpt_image_agent agent = {.mailbox_version = 1, .mailbox_size = sizeof mailbox + 16};
    struct ckpt_mailbox *written;
    char bytes[sizeof mailbox + 32];
    bool clean = true;

    memset(bytes, 0x55, sizeof bytes);
    ckpt_handover_fill_mailbox(&agent, &mailbox, bytes);
    written = (struct ckpt_mailbox *)bytes;
    TAP_OK(written->version == 1 && written->size == sizeof mailbox + 16,
           "mailbox: version and size stay the agent's");
    TAP_OK(written->generation == 5 && written->area_size == 9,
           "mailbox: what the command knows is there");
    for (size_t i = sizeof mailbox; i < sizeof mailbox + 16; i++)
        clean &= bytes[i] == 0;
    TAP_OK(clean, "mailbox: what the command does not know is zero");
    TAP_INT(bytes[sizeof mailbox + 16], 0x55, "mailbox: what is after it is not written");
    memset(bytes, 0x55, sizeof bytes);
    agent.mailbox_size = offsetof(struct ckpt_mailbox, generation);
    ckpt_handover_fill_mailbox(&agent, &mailbox, bytes);
    TAP_INT(bytes[offsetof(struct ckpt_mailbox, generation)], 0x55,
            "mailbox: what an older agent does not have is not written");
}

// An option that the agent in the image does not know is refused, because it would have no effect.
static void test_older_agent(void)
{
    const struct ckpt_image_header header = {.release = "0.0.9"};
    struct ckpt_image_agent agent = {.mailbox_version = 1, .mailbox_size = CKPT_MAILBOX_MIN};
    struct ckpt_restore_request request = {.keep_start_time = true};
    struct ckpt_restore restore = {.request = &request,
                                   .image.view = {.header = &header, .agent = &agent}};
    struct ckpt_error error;

    TAP_INT(ckpt_handover_check(&restore, &error), -1,
            "an older agent: --keep-start-time is refused");
    TAP_OK(strstr(error.text, "0.0.9"), "an older agent: its release is named");
    request = (struct ckpt_restore_request){.missing_as_exception = true};
    agent.parameters_size = CKPT_PARAMETERS_MIN;
    TAP_INT(ckpt_handover_check(&restore, &error), -1,
            "an older agent: --missing=exception is refused");
    request.keep_start_time = true;
    agent.parameters_size = sizeof(struct ckpt_parameters);
    agent.mailbox_size = sizeof(struct ckpt_mailbox);
    TAP_INT(ckpt_handover_check(&restore, &error), 0,
            "an agent of this release: new options are accepted");
}

// ---- descriptors

static void test_kinds(const struct rewrite *rewrite)
{
    struct ckpt_image_view view;
    struct ckpt_error error = {.text = ""};
    ckpt_auto_free char *copy = parse(rewrite, &view, &error);
    struct ckpt_image_fd *fd;

    if (!copy)
        TAP_BAIL_OUT("%s", error.text);
    fd = (struct ckpt_image_fd *)&view.fds[3];
    TAP_INT(ckpt_fds_check(&view, &error), 0, "descriptors of known kinds are accepted");
    fd->kind_version = 99;
    TAP_INT(ckpt_fds_check(&view, &error), -1, "a newer version of a kind is refused");
    TAP_OK(strstr(error.text, "descriptor 3 is of a kind (2, version 99)"),
           "a newer version of a kind: descriptor, kind and version are named");
    fd->kind_version = 0;
    fd->kind = 99;
    TAP_INT(ckpt_fds_check(&view, &error), -1, "an unknown kind of descriptor is refused");
    TAP_OK(strstr(error.text, "1.2.3-test"),
           "an unknown kind of descriptor: the checkpointer that made the image is named");
    ckpt_image_view_free(&view);
}

int main(void)
{
    struct rewrite rewrite = {.type = 0};
    struct sample sample;
    const char *directory;
    ckpt_auto_free char *metadata = NULL;

    sample_make(&sample);
    directory = sample_write(&sample);
    rewrite.metadata = metadata = sample_metadata(directory, &rewrite.size, &rewrite.file_size);
    test_entries(rewrite, &sample);
    test_notes(rewrite, &sample);
    test_header(&rewrite);
    test_format_3(&rewrite);
    test_engine(directory);
    test_agent(&rewrite);
    test_mailbox();
    test_older_agent();
    test_kinds(&rewrite);
    sample_remove();
    return tap_done();
}
