/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Calls a function in a child process that shares this memory and has its own table of descriptors.
 *
 * A process loses all its record locks (fcntl F_SETLK) on a file when it closes any descriptor of
 * that file.  So the JVM's process must not open a file that the application may have locked.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_CHILD_FDS_H
#define CKPT_ENGINE_BUILTIN_PARKED_CHILD_FDS_H

#include "base/error.h"
#include "base/scratch.h"

/**
 * Call @function with @argument in such a child, and wait for its end.
 * @return what @function returned; -1 with @error if the child could not be started or was killed
 */
int ckpt_child_fds_call(struct ckpt_scratch *scratch, int (*function)(void *argument),
                        void *argument, struct ckpt_error *error);

#endif
