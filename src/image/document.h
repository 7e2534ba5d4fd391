/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * An image that is a header and a document: the form for engines whose pages are the files of
 * another program (CKPT_NOTE_DOCUMENT in format.h). Only in the command.
 */
#ifndef CKPT_IMAGE_DOCUMENT_H
#define CKPT_IMAGE_DOCUMENT_H

#include <stdbool.h>

#include "base/error.h"
#include "image/format.h"

/**
 * Write the image.
 * @param header  with the fields that depend on the engine; sizes and checksum are set here
 * @param text    the document
 */
int ckpt_image_document_write(int fd, struct ckpt_image_header *header, const char *text,
                              struct ckpt_error *error);

/**
 * Read and check the image DIR/image.
 * @param trusted   as for ckpt_image_open()
 * @param ret_text  the document, malloc'd
 */
int ckpt_image_document_read(const char *directory, bool trusted,
                             struct ckpt_image_header *ret_header, char **ret_text,
                             struct ckpt_error *error);

#endif
