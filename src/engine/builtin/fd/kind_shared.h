/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Memory files; deleted files are saved as such.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KIND_SHARED_H
#define CKPT_ENGINE_BUILTIN_FD_KIND_SHARED_H

#include "engine/builtin/fd/kind.h"

/** Save a memory file, or a regular file that becomes one. */
int ckpt_fd_shared_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error);

#endif
