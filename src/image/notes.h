/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * ELF notes: what kinds of notes of ours there are, and a growing block of notes.
 * Runs in a parked process.
 */
#ifndef CKPT_IMAGE_NOTES_H
#define CKPT_IMAGE_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "image/format.h"

/** Bytes of a note of ours before its description: the note's head, and its name in 12 bytes. */
#define CKPT_NOTE_HEAD ((uint64_t)24)

/** One kind of note of ours, as this checkpointer writes it. */
struct ckpt_note_kind {
    const char *name;    /**< for messages */
    uint32_t version;    /**< the newest one, see struct ckpt_image_note */
    uint32_t entry_size; /**< of that version */
    uint32_t single;     /**< nonzero: this many entries, always */
};

/** By enum ckpt_note_type. */
extern const struct ckpt_note_kind ckpt_note_kinds[CKPT_NOTE_COUNT + 1];

/** A block of notes.  With `start` NULL it only measures. */
struct ckpt_notes {
    char *start;
    uint64_t size;
};

/** Begin a note; its description follows by ckpt_notes_put(), @size bytes in all. */
void ckpt_notes_begin(struct ckpt_notes *notes, const char *name, uint32_t type, size_t size);

/** Bytes of a description; zeros where @data is NULL. */
void ckpt_notes_put(struct ckpt_notes *notes, const void *data, size_t size);

/** Zeros up to a multiple of @unit. */
void ckpt_notes_pad(struct ckpt_notes *notes, size_t unit);

/** A whole note; the description is padded to a multiple of 8. */
void ckpt_notes_add(struct ckpt_notes *notes, const char *name, uint32_t type, const void *data,
                    size_t size);

/** A note of ours with @count entries at @entries. */
void ckpt_notes_add_ours(struct ckpt_notes *notes, enum ckpt_note_type type, const void *entries,
                         size_t count);

#endif
