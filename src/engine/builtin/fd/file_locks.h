/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Locks on files, for the kinds with has_locks in their row.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_FILE_LOCKS_H
#define CKPT_ENGINE_BUILTIN_FD_FILE_LOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"

/**
 * Save the locks of a descriptor in the bytes of @entry. Refusals go to the report; -1 only if the
 * walk cannot continue.
 */
int ckpt_file_locks_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                           struct ckpt_image_fd *entry, struct ckpt_error *error);

/**
 * Whether the locks of an entry that was just saved have a lease for writing: it would be broken if
 * the file was opened once more, also by this process or a rehearsal.
 */
bool ckpt_file_locks_have_write_lease(const struct ckpt_gather *gather,
                                      const struct ckpt_image_fd *entry);

/** Whether the bytes of @entry are valid locks. */
bool ckpt_file_locks_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);

/** Describe the locks for people: "" or ", exclusive lock ...". */
void ckpt_file_locks_describe(const struct ckpt_image_view *image,
                              const struct ckpt_image_fd *entry, char *text, size_t size);

/**
 * Take all locks again, when all descriptors are at their numbers.  After this no descriptor of a
 * locked file may be closed, so those in @file_fds are closed first, and replaced by descriptors of
 * the image.
 * @param file_fds  for each file of the image, the descriptor that is used to map it, or -1
 */
int ckpt_file_locks_take(const struct ckpt_fd_thaw *thaw, int *file_fds, struct ckpt_error *error);

#endif
