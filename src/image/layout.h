/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What is where in an image: metadata, the pages of each run, the trailer.  Runs in a parked
 * process.
 */
#ifndef CKPT_IMAGE_LAYOUT_H
#define CKPT_IMAGE_LAYOUT_H

#include "image/tables.h"

/** Large pages, and the pieces in which files are written. */
#define CKPT_LARGE ((uint64_t)2 << 20)

/** Runs lie in the file class by class, within a class in the order of their table. */
enum ckpt_run_class {
    CKPT_RUNS_COPIED, /**< by a restore */
    CKPT_RUNS_MAPPED,
    CKPT_RUNS_LARGE, /**< mapped, at an offset equal to the address modulo CKPT_LARGE */
    CKPT_RUNS_NONE,  /**< guard pages have no content */
};

enum ckpt_run_class ckpt_layout_class(const struct ckpt_image_run *run);

/** Give each run its offset, and the header its sizes. */
void ckpt_layout_make(struct ckpt_tables *tables);

/** Fill @start with the metadata: header.meta_size zeroed bytes. */
void ckpt_layout_metadata(struct ckpt_tables *tables, char *start);

#endif
