/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Writes an image, front to back. Runs while all threads are parked; see base/raw.h for the
 * restrictions.
 */
#ifndef CKPT_IMAGE_WRITER_H
#define CKPT_IMAGE_WRITER_H

#include "image/sink.h"
#include "image/tables.h"

/** Called after each piece that is written; may be NULL. */
typedef void ckpt_progress_fn(void *context, uint64_t done, uint64_t total);

/**
 * Compute the layout of the image and write it to @sink. The runs of
 * tables->page_files are read from those files, all others from this process's memory.
 * @return 0, or -1 with the reason (ENOSPC, EIO, ...); the caller then deletes the output
 */
int ckpt_image_write(struct ckpt_tables *tables, struct ckpt_sink *sink, ckpt_progress_fn *progress,
                     void *context, struct ckpt_error *error);

#endif
