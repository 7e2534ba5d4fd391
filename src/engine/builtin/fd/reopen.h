/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Functions of the kinds that are opened again by their paths: files, directories, devices.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_REOPEN_H
#define CKPT_ENGINE_BUILTIN_FD_REOPEN_H

#include "engine/builtin/fd/kind.h"

/* Functions for the rows of kinds that are opened again by path; kind.h has what each does. */
int ckpt_fd_reopen_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error);
bool ckpt_fd_reopen_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
void ckpt_fd_reopen_describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                             char *text, size_t size);
int ckpt_fd_reopen_thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                        struct ckpt_error *error);

#endif
