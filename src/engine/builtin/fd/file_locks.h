/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Locks on files, of the kinds whose row says that their bytes are locks.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_FILE_LOCKS_H
#define CKPT_ENGINE_BUILTIN_FD_FILE_LOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"

/**
 * Put the locks on a descriptor into the bytes of @entry. Refusals go to the report; -1
 * only if the walk cannot go on.
 */
int ckpt_locks_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                      struct ckpt_image_fd *entry, struct ckpt_error *error);

/** Whether these bytes make sense; and for people, what they say: "" or ", exclusive lock ...". */
bool ckpt_locks_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
void ckpt_locks_describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                         char *text, size_t size);

/**
 * Take all locks again, when all descriptors are at their numbers.  From here on no descriptor of
 * a locked file may be closed: those of @file_fds are before, and one of the image is put there.
 * @param file_fds  for each file of the image, a descriptor to map it by, or -1
 */
int ckpt_locks_take(const struct ckpt_fd_thaw *thaw, int *file_fds, struct ckpt_error *error);

#endif
