/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See entropy.h. Bytes that were returned are wiped from the pool.
 */
#include "hotspot/renew/entropy.h"

#include <string.h>

#include "base/syscall.h"

#define CHUNK 256 /* getrandom() is never interrupted up to this size */

static unsigned char pool[CHUNK];
static size_t pool_left;

void ckpt_entropy_drop(void)
{
    pool_left = 0;
}

bool ckpt_entropy_get(void *to, size_t size)
{
    unsigned char *at = to;

    while (size) {
        size_t step = size < CHUNK ? size : CHUNK;

        if (step > pool_left) {
            if (ckpt_sys_getrandom(pool, sizeof pool) != (long)sizeof pool)
                return false;
            pool_left = sizeof pool;
        }
        pool_left -= step;
        memcpy(at, pool + pool_left, step);
        explicit_bzero(pool + pool_left, step);
        at += step;
        size -= step;
    }
    return true;
}

bool ckpt_entropy_fill(JNIEnv *env, jbyteArray array)
{
    unsigned char bytes[CHUNK];
    jsize length = array ? (*env)->GetArrayLength(env, array) : 0;
    bool good = true;

    for (jsize at = 0; at < length && good;) {
        jsize step = length - at < CHUNK ? length - at : CHUNK;

        good = ckpt_entropy_get(bytes, (size_t)step);
        if (good)
            (*env)->SetByteArrayRegion(env, array, at, step, (const jbyte *)bytes);
        at += step;
    }
    explicit_bzero(bytes, sizeof bytes);
    return good;
}
