/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The layout of an image: metadata, the pages of each run, the trailer. Runs while all threads are
 * parked.
 */
#ifndef CKPT_IMAGE_LAYOUT_H
#define CKPT_IMAGE_LAYOUT_H

#include "image/tables.h"

/** Size of large pages, and of the pieces in which files are written. */
#define CKPT_LARGE ((uint64_t)2 << 20)

/** In the file runs are ordered by class, and within a class as in their table. */
enum ckpt_run_class {
    CKPT_RUNS_COPIED, /**< the restore copies these runs */
    CKPT_RUNS_MAPPED,
    CKPT_RUNS_LARGE, /**< mapped by the restore; offset equals address modulo CKPT_LARGE */
    CKPT_RUNS_NONE,  /**< runs of guard pages, which have no content */
};

enum ckpt_run_class ckpt_layout_class(const struct ckpt_image_run *run);

/** Set the offset of each run, and the sizes in the header. */
void ckpt_layout_make(struct ckpt_tables *tables);

/** Write the metadata to @start: header.meta_size bytes, zeroed by the caller. */
void ckpt_layout_metadata(struct ckpt_tables *tables, char *start);

#endif
