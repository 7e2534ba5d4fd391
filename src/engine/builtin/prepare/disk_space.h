/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether there is room for an image, asked before any hook is called.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_DISK_SPACE_H
#define CKPT_ENGINE_BUILTIN_PREPARE_DISK_SPACE_H

#include <jni.h>

/** Native method of jdk.crac.impl.Native: NULL, or why not, as "error:MESSAGE". */
jstring ckpt_native_room(JNIEnv *env, jclass owner, jstring directory);

#endif
