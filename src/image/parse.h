/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Makes a view from an image's metadata in memory. The metadata is not trusted; a fuzzer tests this
 * (tests/fuzz). Allocates memory, so only for the command.
 */
#ifndef CKPT_IMAGE_PARSE_H
#define CKPT_IMAGE_PARSE_H

#include <elf.h>

#include "base/error.h"
#include "image/view.h"

/** Maximum size of the metadata. */
#define CKPT_METADATA_MAX ((uint64_t)1 << 30)

/** The start of the file, which has the offset of the notes. */
struct ckpt_image_start {
    Elf64_Ehdr elf;
    Elf64_Phdr notes; /**< the first program header */
};

/** The first note: the header. */
struct ckpt_image_first_note {
    Elf64_Nhdr head;
    char name[12];
    struct ckpt_image_note prefix;
    struct ckpt_image_header header;
};

/** Offset of the first note; 0 if this is not a core file like an image. */
uint64_t ckpt_image_first_offset(const struct ckpt_image_start *start);

/**
 * Read the header of an image of any engine, in a file of @file_size bytes.
 * @param ret_header  a copy; fields that an older release did not have are zero
 */
int ckpt_image_parse_header(const struct ckpt_image_first_note *first, uint64_t file_size,
                            struct ckpt_image_header *ret_header, struct ckpt_error *error);

/**
 * Check all metadata of an image of the built-in engine and make a view of it. The view refers to
 * @metadata.
 * @param metadata   aligned to 8 bytes; @size bytes, of a file of @file_size bytes
 */
int ckpt_image_parse(const void *metadata, size_t size, uint64_t file_size,
                     struct ckpt_image_view *ret_view, struct ckpt_error *error);

/** Free memory that the view itself has allocated. */
void ckpt_image_view_free(struct ckpt_image_view *view);

/** "the image is damaged (WHAT)", with a hint. Returns -1. */
int ckpt_image_damaged(struct ckpt_error *error, const char *what);

/** Check every index, reference, range and order in the tables (bounds.c). Returns 0 or -1. */
int ckpt_image_check_tables(const struct ckpt_image_view *view, struct ckpt_error *error);

#endif
