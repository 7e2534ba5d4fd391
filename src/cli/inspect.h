/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer inspect: what its two ways of showing an image have in common.  cmd_inspect.c looks,
 * inspect_text.c writes for people, inspect_json.c for programs, in the words of inspect_words.c.
 *
 * The image may be anybody's: its numbers are checked (bounds.c), its texts are not, and go to a
 * terminal only through inspect_text.c's show().
 */
#ifndef CKPT_CLI_INSPECT_H
#define CKPT_CLI_INSPECT_H

#include <jansson.h>
#include <stdbool.h>

#include "image/source.h"

/** What is known of the manifest beside an image. */
enum ckpt_manifest_state {
    CKPT_MANIFEST_BELONGS,
    CKPT_MANIFEST_OTHER, /**< its id is another image's */
    CKPT_MANIFEST_MISSING,
    CKPT_MANIFEST_DAMAGED, /**< not JSON, or not an object with an id */
};

struct ckpt_inspection {
    const char *directory;
    struct ckpt_image image;
    enum ckpt_manifest_state manifest_state;
    const char *kernel; /**< from a manifest that belongs to the image, or NULL */
    uint64_t page_bytes, mapped_bytes, memory_file_bytes;
    bool verified;   /**< all pages were read and are undamaged */
    bool restorable; /**< its owner, this machine and all files are as a restore wants them */
    struct ckpt_error obstacle; /**< why not */
};

/** Write to stdout; -1 if that failed. */
int ckpt_inspect_text(const struct ckpt_inspection *inspection);
int ckpt_inspect_json(const struct ckpt_inspection *inspection);

/** A word for the kind of mapping. */
const char *ckpt_inspect_map_kind(uint32_t kind);

/** What a mapping is for: its file, "[heap]", "stack of 'main'"; "" where nobody knows. */
void ckpt_inspect_map_what(const struct ckpt_image_view *view, const struct ckpt_image_map *map,
                           char *text, size_t size);

/** What a descriptor is, in the words of its kind. */
void ckpt_inspect_fd_what(const struct ckpt_image_view *view, const struct ckpt_image_fd *fd,
                          char *text, size_t size);

/** Bytes of runs [first, first + count). */
uint64_t ckpt_inspect_run_bytes(const struct ckpt_image_view *view, uint32_t first, uint32_t count);

/** "libjvm.so+0x1234" for an address in a file, otherwise the kind of memory it is in. */
void ckpt_inspect_place(const struct ckpt_image_view *view, uint64_t address, char *text,
                        size_t size);

/** A moment as "2026-01-31T12:34:56Z". */
void ckpt_inspect_moment(int64_t seconds, char *text, size_t size);

/** The 16 bytes of an image's id as 32 digits and a zero. */
void ckpt_inspect_id(const uint8_t id[16], char text[33]);

#endif
