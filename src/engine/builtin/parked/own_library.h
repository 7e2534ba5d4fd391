/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where the agent's library, which contains this code, is mapped.  All of it is in the image, so
 * that a restore does not need the library's file, which may have been replaced by another release,
 * or deleted after the library was loaded.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_OWN_LIBRARY_H
#define CKPT_ENGINE_BUILTIN_PARKED_OWN_LIBRARY_H

#include <stddef.h>

#include "engine/builtin/parked/gather.h"

/** The range from the library's first to its last segment, in whole pages. */
struct ckpt_range ckpt_own_library(void);

/**
 * The library's segments that are never written: code and constants, which include the embedded
 * command.
 * @return how many were written to @ret, at most @capacity
 */
size_t ckpt_own_library_constant(struct ckpt_range *ret, size_t capacity);

#endif
