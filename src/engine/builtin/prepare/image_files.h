/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The image directory, and the two files in it as they are before they have their names: the image,
 * empty, and the manifest.  Both are locked, so that others who write there do not remove them.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_IMAGE_FILES_H
#define CKPT_ENGINE_BUILTIN_PREPARE_IMAGE_FILES_H

#include <stdint.h>

#include "base/error.h"

struct ckpt_image_files {
    const char *directory;
    int dir_fd, image_fd, manifest_fd; /**< -1: not open */
    char image_temp[64], manifest_temp[64];
};

/** None is open. */
#define CKPT_IMAGE_FILES_NONE                                                                      \
    (struct ckpt_image_files)                                                                      \
    {                                                                                              \
        .dir_fd = -1, .image_fd = -1, .manifest_fd = -1                                            \
    }

/** Open the directory @directory, which is made if need be, and choose names for an image @id. */
int ckpt_image_files_open(struct ckpt_image_files *files, const char *directory,
                          const uint8_t id[16], struct ckpt_error *error);

/** Make both files. */
int ckpt_image_files_make(struct ckpt_image_files *files, const uint8_t id[16],
                          struct ckpt_error *error);

/** Remove what is still under its temporary name. */
void ckpt_image_files_remove(const struct ckpt_image_files *files);

/** Close what is open. */
void ckpt_image_files_close(struct ckpt_image_files *files);

#endif
