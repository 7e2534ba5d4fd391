/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * ELF notes: a growing block of them, and those that gdb and jhsdb expect in a core file.
 * Runs in a parked process.
 */
#ifndef CKPT_IMAGE_CORENOTES_H
#define CKPT_IMAGE_CORENOTES_H

#include <stddef.h>
#include <stdint.h>

struct ckpt_tables;

/** A block of notes.  With `start` NULL it only measures. */
struct ckpt_notes {
    char *start;
    uint64_t size;
};

/** Add one note; the description is padded to a multiple of 8. */
void ckpt_notes_add(struct ckpt_notes *notes, const char *name, uint32_t type, const void *data,
                    size_t size);

/** Add NT_PRSTATUS and its kin for every thread, NT_PRPSINFO, NT_AUXV and NT_FILE. */
void ckpt_corenotes_add(const struct ckpt_tables *tables, struct ckpt_notes *notes);

#endif
