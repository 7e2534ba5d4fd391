/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where the library that this code is in is mapped: the agent's.  It is in the image whatever file
 * it is of, so that a restore does not need that file: it may have been replaced by another
 * release, or was deleted as soon as it was loaded.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_OWN_LIBRARY_H
#define CKPT_ENGINE_BUILTIN_PARKED_OWN_LIBRARY_H

#include <stddef.h>

#include "engine/builtin/parked/gather.h"

/** All of its segments, in whole pages. */
struct ckpt_range ckpt_own_library(void);

/**
 * Those that are never written: code, and what it reads, among it the command.
 * @return how many were written to @ret, at most @room
 */
size_t ckpt_own_library_constant(struct ckpt_range *ret, size_t room);

#endif
