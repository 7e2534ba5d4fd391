/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Descriptors that a policy closes: at a checkpoint, or at a restore.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KIND_CLOSED_H
#define CKPT_ENGINE_BUILTIN_FD_KIND_CLOSED_H

#include <stdbool.h>

#include "engine/builtin/fd/kind.h"

/** At a checkpoint: describe one that a rule closes. */
int ckpt_fd_closed_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error);

/**
 * At a restore: make it one that a rule closes, in a copy of the image's table.  Its bytes remain
 * those of the kind that it was: it may be thawed, but no longer checked or described.
 */
void ckpt_fd_close_entry(struct ckpt_image_fd *entry);

/** Whether descriptor @number of an image is one of these, and was no connection. */
bool ckpt_fd_is_closed(const struct ckpt_image_view *image, int number);

#endif
