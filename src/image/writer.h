/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Writes an image, front to back.  Runs in a parked process: see base/raw.h for what that forbids.
 */
#ifndef CKPT_IMAGE_WRITER_H
#define CKPT_IMAGE_WRITER_H

#include "image/sink.h"
#include "image/tables.h"

/** Called now and then while pages are written; may be NULL. */
typedef void ckpt_progress_fn(void *context, uint64_t done, uint64_t total);

/**
 * Lay out the image and write it to @sink.
 * Run addresses are read from this process, those of tables->page_files from there.
 * @return 0, or -1 with the reason (ENOSPC, EIO, ...); what was written is then to be thrown away
 */
int ckpt_image_write(struct ckpt_tables *tables, struct ckpt_sink *sink, ckpt_progress_fn *progress,
                     void *context, struct ckpt_error *error);

#endif
