/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Random bytes from the kernel for ordinary code in a restored process. Only one thread may use it
 * at a time.
 */
#ifndef CKPT_HOTSPOT_RENEW_ENTROPY_H
#define CKPT_HOTSPOT_RENEW_ENTROPY_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * Drop the buffered bytes, which are from the image and the same in all clones. Call it first in a
 * restored process.
 */
void ckpt_entropy_drop(void);

/** Write random bytes to @to. They come from a buffer that is filled in larger steps. */
bool ckpt_entropy_get(void *to, size_t size);

/** Overwrite a Java array; it may be NULL or empty. */
bool ckpt_entropy_fill(JNIEnv *env, jbyteArray array);

#endif
