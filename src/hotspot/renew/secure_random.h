/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * New seeds for generators whose state is not accessible: each SecureRandom without a row in
 * library_generators.h gets one by its setSeed(), which adds to the state and removes no entropy.
 * OpenSSL gets one by RAND_seed(), if libcrypto is loaded.
 *
 * setSeed() is code of a provider or of the application. It may wait for a lock, for a device or
 * for ever, so it is called on a separate thread, with a time limit.
 */
#ifndef CKPT_HOTSPOT_RENEW_SECURE_RANDOM_H
#define CKPT_HOTSPOT_RENEW_SECURE_RANDOM_H

#include <jni.h>
#include <stdbool.h>

/** Before the freeze, before the first ckpt_secure_random_add(): find OpenSSL. */
void ckpt_secure_random_begin(JNIEnv *env);

/** Add a SecureRandom; @name is for messages. */
bool ckpt_secure_random_add(JNIEnv *env, jobject random, const char *name);

/** In the restored process, while all threads run. Logs generators that did not take the seed. */
void ckpt_secure_random_reseed(JNIEnv *env);

/** Free everything. */
void ckpt_secure_random_discard(JNIEnv *env);

#endif
