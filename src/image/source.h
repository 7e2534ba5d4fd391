/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where an image is read from: a file that can be mapped, opened and checked.  After that,
 * every number in the view may be relied upon: the metadata is undamaged, complete and in bounds.
 * Page contents are not read (that is what makes a restore independent of the heap's size), except
 * by ckpt_image_verify().
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
 * @param trusted  refuse an image that somebody else than the effective user (or root) could have
 *                 written: for restoring.  false: only look at it.
 */
int ckpt_image_open(const char *directory, bool trusted, struct ckpt_image *ret_image,
                    struct ckpt_error *error);

/** The same for an image that has another name there, as while it is written. */
int ckpt_image_open_as(const char *directory, const char *name, bool trusted,
                       struct ckpt_image *ret_image, struct ckpt_error *error);

void ckpt_image_close(struct ckpt_image *image);

/**
 * Which engine made the image DIR/NAME: nothing else of it is checked.
 * @param ret_engine  printable, and ends with a zero
 */
int ckpt_image_engine_name(const char *directory, const char *name, char ret_engine[16],
                           struct ckpt_error *error);

/** Read all pages and compare their checksums. */
int ckpt_image_verify(const struct ckpt_image *image, struct ckpt_error *error);

#endif
