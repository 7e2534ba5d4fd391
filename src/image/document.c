/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See document.h. The file is small, so it is written and read as a whole.
 */
#include "image/document.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/page.h"
#include "base/raw.h"
#include "image/notes.h"
#include "image/parse.h"
#include "image/source.h"

#define DOCUMENT_VERSION 1u

/* ---- writing ---- */

static void put_notes(struct ckpt_notes *notes, const struct ckpt_image_header *header,
                      const char *text)
{
    struct ckpt_image_note prefix = {
        .version = DOCUMENT_VERSION, .entry_size = 1, .count = (uint32_t)strlen(text)};
    size_t size = sizeof prefix + prefix.count;

    ckpt_notes_add_entries(notes, CKPT_NOTE_HEADER, header, 1);
    ckpt_notes_begin(notes, CKPT_NOTE_NAME, CKPT_NOTE_BASE + CKPT_NOTE_DOCUMENT,
                     (size + 7) & ~(size_t)7);
    ckpt_notes_put(notes, &prefix, sizeof prefix);
    ckpt_notes_put(notes, text, prefix.count);
    ckpt_notes_pad(notes, 8);
}

static void put_metadata(char *start, const struct ckpt_image_header *header, const char *text)
{
    struct ckpt_notes notes = {.start = start + ckpt_notes_offset(0)};

    put_notes(&notes, header, text);
    ckpt_notes_put_elf_header(start, 0, notes.size);
}

static void put_end(char *at, const struct ckpt_image_header *header)
{
    struct ckpt_image_note prefix = {.version = CKPT_TRAILER_VERSION,
                                     .entry_size = sizeof(uint32_t)};
    struct ckpt_image_end *end = (struct ckpt_image_end *)(at + sizeof prefix);

    memcpy(at, &prefix, sizeof prefix);
    memcpy(end->id, header->id, sizeof end->id);
    end->magic = CKPT_TRAILER_MAGIC;
    end->crc = ckpt_raw_crc32c(0, at, sizeof prefix + sizeof *end);
}

int ckpt_image_document_write(int fd, struct ckpt_image_header *header, const char *text,
                              struct ckpt_error *error)
{
    struct ckpt_notes measured = {.start = NULL};
    ckpt_auto_free char *whole = NULL;
    int failed;

    put_notes(&measured, header, text);
    header->magic = CKPT_IMAGE_MAGIC;
    header->format = CKPT_IMAGE_VERSION;
    header->page_size = (uint32_t)ckpt_page_size;
    header->meta_size = header->pages_end = ckpt_page_ceil(ckpt_notes_offset(0) + measured.size);
    header->image_size =
        header->pages_end + sizeof(struct ckpt_image_note) + sizeof(struct ckpt_image_end);
    header->meta_crc = 0;
    whole = calloc(1, header->image_size);
    if (!whole)
        return ckpt_error_set(error, ENOMEM, "cannot write the image");
    put_metadata(whole, header, text);
    header->meta_crc = ckpt_raw_crc32c(0, whole, header->meta_size);
    put_metadata(whole, header, text);
    put_end(whole + header->pages_end, header);
    failed = ckpt_raw_write_all(fd, whole, header->image_size);
    return failed < 0 ? ckpt_error_set(error, -failed, "cannot write the image") : 0;
}

/* ---- reading ---- */

static int check_sum(char *metadata, uint64_t first, const struct ckpt_image_header *header,
                     struct ckpt_error *error)
{
    uint64_t field = first + offsetof(struct ckpt_image_first_note, header) +
                     offsetof(struct ckpt_image_header, meta_crc);

    memset(metadata + field, 0, sizeof header->meta_crc);
    return ckpt_raw_crc32c(0, metadata, header->meta_size) == header->meta_crc
               ? 0
               : ckpt_image_damaged(error, "its checksum does not match");
}

/* Copy the document, which is the second note. */
static int copy_document(const char *metadata, uint64_t first, uint64_t size, char **ret_text,
                         struct ckpt_error *error)
{
    const struct ckpt_image_first_note *header = (const void *)(metadata + first);
    uint64_t at = first + offsetof(struct ckpt_image_first_note, prefix) + header->head.n_descsz;
    const struct ckpt_image_note *prefix;
    const Elf64_Nhdr *note;

    if (header->head.n_descsz % 8 || at > size || size - at < CKPT_NOTE_HEAD + sizeof *prefix)
        return ckpt_image_damaged(error, "a note");
    note = (const Elf64_Nhdr *)(metadata + at);
    prefix = (const struct ckpt_image_note *)(metadata + at + CKPT_NOTE_HEAD);
    if (note->n_type != CKPT_NOTE_BASE + CKPT_NOTE_DOCUMENT || prefix->entry_size != 1 ||
        prefix->count > size - at - CKPT_NOTE_HEAD - sizeof *prefix)
        return ckpt_image_damaged(error, "a note");
    if (prefix->version > DOCUMENT_VERSION)
        return ckpt_error_set(error, 0,
                              "the image was made by a newer checkpointer (%s), and this one "
                              "cannot read its document; restore it with that release",
                              header->header.release);
    *ret_text = strndup((const char *)(prefix + 1), prefix->count);
    return *ret_text ? 0 : ckpt_error_set(error, ENOMEM, "cannot read the image");
}

int ckpt_image_document_read(const char *directory, bool trusted,
                             struct ckpt_image_header *ret_header, char **ret_text,
                             struct ckpt_error *error)
{
    ckpt_auto_free void *metadata = NULL;
    uint64_t first;

    if (ckpt_image_read_metadata(directory, trusted, &metadata, ret_header, error) < 0)
        return -1;
    first = ckpt_image_first_offset(metadata);
    if (!first || first > ret_header->meta_size ||
        ret_header->meta_size - first < sizeof(struct ckpt_image_first_note))
        return ckpt_image_damaged(error, "a note");
    if (check_sum(metadata, first, ret_header, error) < 0 ||
        copy_document(metadata, first, ret_header->meta_size, ret_text, error) < 0)
        return ckpt_error_prefix(error, "'%s/" CKPT_IMAGE_NAME "'", directory);
    return 0;
}
