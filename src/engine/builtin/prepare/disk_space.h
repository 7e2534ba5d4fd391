/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks that there is disk space for an image, before any hook is called.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_DISK_SPACE_H
#define CKPT_ENGINE_BUILTIN_PREPARE_DISK_SPACE_H

#include <jni.h>
#include <stdbool.h>

#include "base/error.h"

/**
 * Check that @directory has space for an image of this JVM, whose size is estimated.
 * @param may_collect  a garbage collection may be run to find how much of the heap is live
 * @return 0, or -1: there is not enough space
 */
int ckpt_disk_space_check(JNIEnv *env, const char *directory, bool may_collect,
                          struct ckpt_error *error);

#endif
