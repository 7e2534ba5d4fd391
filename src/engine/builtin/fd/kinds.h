/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The table of descriptor kinds, and functions for descriptors in an image that use it.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KINDS_H
#define CKPT_ENGINE_BUILTIN_FD_KINDS_H

#include <stddef.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"
#include "image/view.h"

/** The rows, in the order in which they are matched; NULL after the last one. */
const struct ckpt_fd_kind_row *ckpt_fd_row_at(size_t index);

/** The row of the kind with that number in images, or NULL. */
const struct ckpt_fd_kind_row *ckpt_fd_row(uint32_t number);

/** Whether an entry is valid and of a known kind. The functions below require it. */
bool ckpt_fd_is_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);

/** Check all descriptors of an image. */
int ckpt_fds_check(const struct ckpt_image_view *image, struct ckpt_error *error);

/** The file, in the image's table, by whose path the descriptor is opened, or NULL. */
const struct ckpt_image_file *ckpt_fd_file(const struct ckpt_image_view *image,
                                           const struct ckpt_image_fd *entry);

/** The path of the descriptor for people and for rules, or NULL. */
const char *ckpt_fd_path(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);

#endif
