/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Opens and checks an image file, which can then be mapped. All numbers in the view are reliable:
 * the metadata is undamaged, complete and in bounds. The pages are read only by
 * ckpt_image_verify(), so that the time for a restore does not depend on the size of the heap.
 */
#ifndef CKPT_IMAGE_SOURCE_H
#define CKPT_IMAGE_SOURCE_H

#include <stdbool.h>

#include "base/error.h"
#include "image/view.h"

struct ckpt_image {
    int fd; /**< the image file, open for reading */
    void *metadata;
    struct ckpt_image_view view;
};

/**
 * Open DIR/image.
 * @param trusted  for a restore: refuse an image that another user than the effective user or root
 *                 could have written. false: only for inspection
 */
int ckpt_image_open(const char *directory, bool trusted, struct ckpt_image *ret_image,
                    struct ckpt_error *error);

/** Open an image with another file name, such as one that is not complete yet. */
int ckpt_image_open_as(const char *directory, const char *name, bool trusted,
                       struct ckpt_image *ret_image, struct ckpt_error *error);

void ckpt_image_close(struct ckpt_image *image);

/**
 * Get the engine that made the image DIR/NAME. Checks nothing else of the image.
 * @param ret_engine  printable, and ends with a zero
 */
int ckpt_image_engine_name(const char *directory, const char *name, char ret_engine[16],
                           struct ckpt_error *error);

/**
 * Read the metadata of an image of any engine, of which only the header and the end are checked.
 * @param ret_metadata  malloc'd, @ret_header->meta_size bytes
 */
int ckpt_image_read_metadata(const char *directory, bool trusted, void **ret_metadata,
                             struct ckpt_image_header *ret_header, struct ckpt_error *error);

/** Read all pages and compare their checksums. */
int ckpt_image_verify(const struct ckpt_image *image, struct ckpt_error *error);

#endif
