/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A call in a process that shares this memory and has its own table of descriptors.
 *
 * A process loses all its record locks (fcntl F_SETLK) on a file when it closes any descriptor of
 * that file.  So a file that the application may have locked is never opened by the JVM itself.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_CHILD_FDS_H
#define CKPT_ENGINE_BUILTIN_PARKED_CHILD_FDS_H

#include "base/error.h"
#include "base/scratch.h"

/**
 * Call @function with @argument in such a process, and wait for its end.
 * @return what @function returned; -1 with @error if the process could not be started or was ended
 */
int ckpt_apart_call(struct ckpt_scratch *scratch, int (*function)(void *argument), void *argument,
                    struct ckpt_error *error);

#endif
