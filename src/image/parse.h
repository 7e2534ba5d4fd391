/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * From an image's metadata in memory to a view.  Trusts nothing: it is what the fuzzer feeds
 * (tests/fuzz).  Allocates; for the command only.
 */
#ifndef CKPT_IMAGE_PARSE_H
#define CKPT_IMAGE_PARSE_H

#include <elf.h>

#include "base/error.h"
#include "image/view.h"

/** Most bytes that metadata may have. */
#define CKPT_METADATA_MAX ((uint64_t)1 << 30)

/** A file's first bytes, by which its notes are found. */
struct ckpt_image_start {
    Elf64_Ehdr elf;
    Elf64_Phdr notes; /**< the first program header */
};

/** What a reader looks at of the first note. */
struct ckpt_image_first_note {
    Elf64_Nhdr head;
    char name[12];
    struct ckpt_image_note prefix;
    struct ckpt_image_header header;
};

/** Where the first note is; 0 if this is no core file like ours. */
uint64_t ckpt_image_first_offset(const struct ckpt_image_start *start);

/**
 * The header of an image of any engine, of a file of @file_size bytes.
 * @param ret_header  a copy; what an older checkpointer did not have is zero
 */
int ckpt_image_parse_header(const struct ckpt_image_first_note *first, uint64_t file_size,
                            struct ckpt_image_header *ret_header, struct ckpt_error *error);

/**
 * Check all metadata of an image of the built-in engine and make a view of it, which needs
 * @metadata as long as it is used.
 * @param metadata   aligned to 8 bytes; @size bytes, of a file of @file_size bytes
 */
int ckpt_image_parse(const void *metadata, size_t size, uint64_t file_size,
                     struct ckpt_image_view *ret_view, struct ckpt_error *error);

/** Give up what the view itself has allocated. */
void ckpt_image_view_free(struct ckpt_image_view *view);

/** "the image is damaged (WHAT)", with a hint. Returns -1. */
int ckpt_image_damaged(struct ckpt_error *error, const char *what);

/** Whether every index, reference, range and order in the tables holds (bounds.c). 0 or -1. */
int ckpt_image_check_tables(const struct ckpt_image_view *view, struct ckpt_error *error);

#endif
