/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether there is room for an image, asked before any hook is called.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_DISK_SPACE_H
#define CKPT_ENGINE_BUILTIN_PREPARE_DISK_SPACE_H

#include <jni.h>
#include <stdbool.h>

#include "base/error.h"

/**
 * Whether @directory has room for an image of this JVM, as far as that is known now.
 * @param may_collect  a collection may show how much of the heap is live
 * @return 0, or -1: not without making room
 */
int ckpt_disk_space_check(JNIEnv *env, const char *directory, bool may_collect,
                          struct ckpt_error *error);

#endif
