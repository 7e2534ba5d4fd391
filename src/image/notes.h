/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * ELF notes: the kinds of our notes, and a block of notes that is being written. Runs while all
 * threads are parked.
 */
#ifndef CKPT_IMAGE_NOTES_H
#define CKPT_IMAGE_NOTES_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "image/format.h"

/** Size of one of our notes before its description: the head, and 12 bytes for the name. */
#define CKPT_NOTE_HEAD ((uint64_t)24)

/** One kind of our notes, as this release writes it. */
struct ckpt_note_kind {
    const char *name;    /**< the note's name in messages */
    uint32_t version;    /**< the newest version, see struct ckpt_image_note */
    uint32_t entry_size; /**< size of an entry in that version */
    uint32_t single;     /**< nonzero: the note always has so many entries */
};

/** Indexed by enum ckpt_note_type. */
extern const struct ckpt_note_kind ckpt_note_kinds[CKPT_NOTE_COUNT + 1];

/** A block of notes. If `start` is NULL, only the size is computed. */
struct ckpt_notes {
    char *start;
    uint64_t size;
};

/**
 * Write at @start, the first byte of an image, its ELF header and the program header of the notes.
 * @param segments  the number of program headers that the caller writes after that one
 * @param size      of the notes, which follow the last program header
 */
void ckpt_notes_put_elf_header(char *start, size_t segments, uint64_t size);

/** The bytes before the notes of an image with @segments program headers besides theirs. */
static inline uint64_t ckpt_notes_offset(size_t segments)
{
    return sizeof(Elf64_Ehdr) + (segments + 1) * sizeof(Elf64_Phdr);
}

/** Begin a note. Its description follows by calls of ckpt_notes_put(), @size bytes in total. */
void ckpt_notes_begin(struct ckpt_notes *notes, const char *name, uint32_t type, size_t size);

/** Add bytes of a description; zeros if @data is NULL. */
void ckpt_notes_put(struct ckpt_notes *notes, const void *data, size_t size);

/** Add zeros up to a multiple of @unit. */
void ckpt_notes_pad(struct ckpt_notes *notes, size_t unit);

/** Add a complete note; the description is padded to a multiple of 8. */
void ckpt_notes_add(struct ckpt_notes *notes, const char *name, uint32_t type, const void *data,
                    size_t size);

/** Add one of our notes, with @count entries at @entries. */
void ckpt_notes_add_entries(struct ckpt_notes *notes, enum ckpt_note_type type, const void *entries,
                            size_t count);

#endif
