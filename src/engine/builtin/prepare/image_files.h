/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The image directory, and the image and the manifest in it under temporary names.  Both files are
 * locked, so that another writer does not remove them as leftovers.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_IMAGE_FILES_H
#define CKPT_ENGINE_BUILTIN_PREPARE_IMAGE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ckpt_image_files {
    const char *directory;
    int dir_fd, image_fd, manifest_fd; /**< -1: not open */
    char image_temp[64], manifest_temp[64];
    bool made; /**< the directory did not exist before */
};

/** The initial value: no file is open. */
#define CKPT_IMAGE_FILES_NONE                                                                      \
    (struct ckpt_image_files)                                                                      \
    {                                                                                              \
        .dir_fd = -1, .image_fd = -1, .manifest_fd = -1                                            \
    }

/** Open @directory, which is made if it does not exist, and choose names for an image @id. */
int ckpt_image_files_open(struct ckpt_image_files *files, const char *directory,
                          const uint8_t id[16], struct ckpt_error *error);

/** Create both files: an empty image, and the complete manifest. */
int ckpt_image_files_make(struct ckpt_image_files *files, const uint8_t id[16],
                          struct ckpt_error *error);

/**
 * Remove the files that still have their temporary names, and the directory if it was made: with a
 * pattern in its name, each refused checkpoint would leave another empty one.
 */
void ckpt_image_files_remove(const struct ckpt_image_files *files);

/** Close the open descriptors. */
void ckpt_image_files_close(struct ckpt_image_files *files);

#endif
