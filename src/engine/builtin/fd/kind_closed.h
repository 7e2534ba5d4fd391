/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Descriptors that are closed: by a policy, or because they cannot be opened again at a restore.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KIND_CLOSED_H
#define CKPT_ENGINE_BUILTIN_FD_KIND_CLOSED_H

#include <stdbool.h>

#include "engine/builtin/fd/kind.h"

/** At a checkpoint: save a descriptor that a rule closes. */
int ckpt_fd_closed_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error);

/** What a descriptor that is closed does in the restored process, for people. */
const char *ckpt_fd_closed_effect(const struct ckpt_live_fd *live);

/** Whether a stream or seqpacket socket is, or was, one end of a connection. */
bool ckpt_fd_is_connection(const struct ckpt_live_fd *live);

/** Whether it is a closed end of a pipe to another process, as ckpt_fd_closed_freeze() saves it. */
bool ckpt_fd_is_closed_pipe(const struct ckpt_image_fd *entry);

/**
 * At a restore: change an entry, in a copy of the image's table, to a closed descriptor.  Its bytes
 * remain those of the old kind, so it must not be checked or described after this, only thawed.
 */
void ckpt_fd_close_entry(const struct ckpt_image_view *image, struct ckpt_image_fd *entry);

/** Whether descriptor @number of an image is a closed one, and was not a connection. */
bool ckpt_fd_is_closed(const struct ckpt_image_view *image, int number);

#endif
