/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The table of descriptor kinds, and what it says of a descriptor in an image.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KINDS_H
#define CKPT_ENGINE_BUILTIN_FD_KINDS_H

#include <stddef.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"
#include "image/view.h"

/** All rows in the order in which they are asked; NULL from the end on. */
const struct ckpt_fd_kind_row *ckpt_fd_row_at(size_t index);

/** The row of a kind in images, NULL if there is none. */
const struct ckpt_fd_kind_row *ckpt_fd_row(uint32_t number);

/** Whether an entry is of a known kind and makes sense: what follows relies on it. */
bool ckpt_fd_is_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);

/** The same for all descriptors of an image. */
int ckpt_fds_check(const struct ckpt_image_view *image, struct ckpt_error *error);

/** The file of the image by whose path it is opened, or NULL. */
const struct ckpt_image_file *ckpt_fd_file(const struct ckpt_image_view *image,
                                           const struct ckpt_image_fd *entry);

/** The path that it has for people and for rules, or NULL. */
const char *ckpt_fd_path(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);

#endif
