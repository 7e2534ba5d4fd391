/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Random bytes from the kernel for ordinary code in a restored process.  On one thread at a time.
 */
#ifndef CKPT_HOTSPOT_RENEW_ENTROPY_H
#define CKPT_HOTSPOT_RENEW_ENTROPY_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

/** In a restored process, before the first byte: what was fetched before came with the image. */
void ckpt_entropy_drop(void);

/** Some are fetched ahead. */
bool ckpt_entropy_get(void *to, size_t size);

/** Overwrite an array; NULL and an empty one are fine. */
bool ckpt_entropy_fill(JNIEnv *env, jbyteArray array);

#endif
