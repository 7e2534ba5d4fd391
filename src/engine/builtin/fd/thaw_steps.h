/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What kinds do while they thaw, in the command.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_THAW_STEPS_H
#define CKPT_ENGINE_BUILTIN_FD_THAW_STEPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"

/**
 * @fd, opened together with another one, is descriptor @index of the image and waits for its turn.
 * -1 with @error; @fd is closed in any case.
 */
int ckpt_fd_keep_aside(struct ckpt_fd_thaw *thaw, size_t index, int fd, struct ckpt_error *error);

/**
 * Put a descriptor that was opened where it was, or give it its flags. @fd, or -1 with @error, and
 * it is closed then.
 */
int ckpt_fd_seek(int fd, int64_t position, int whence, struct ckpt_error *error);
int ckpt_fd_set_flags(int fd, uint32_t flags, struct ckpt_error *error);

#endif
