/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Functions for thaw() of the kinds, which opens a descriptor again. They run in the command that
 * restores.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_THAW_STEPS_H
#define CKPT_ENGINE_BUILTIN_FD_THAW_STEPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"

/**
 * Keep @fd, which was opened together with another one, until descriptor @index of the image is
 * thawed. Closes @fd and uses another number. 0, or -1 with @error.
 */
int ckpt_fd_keep_aside(struct ckpt_fd_thaw *thaw, size_t index, int fd, struct ckpt_error *error);

/**
 * Set the position of a descriptor that was opened.
 * @return @fd; -1 with @error, and @fd is closed
 */
int ckpt_fd_seek(int fd, int64_t position, int whence, struct ckpt_error *error);

/**
 * Open a memory file again: a new open file description of the same content.
 * @param memory_fd  any descriptor of it
 * @return the descriptor, at @position; -1 with @error
 */
int ckpt_fd_open_memory_file(int memory_fd, int flags, uint64_t position, struct ckpt_error *error);

/** Set the file status flags of a descriptor that was opened; returns like ckpt_fd_seek(). */
int ckpt_fd_set_flags(int fd, uint32_t flags, struct ckpt_error *error);

#endif
