/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * New seeds for generators whose state only they know: every SecureRandom that no row knows gets
 * one by its setSeed(), which adds to what it has and takes nothing away; so does OpenSSL, if a
 * libcrypto is loaded, by RAND_seed().
 *
 * setSeed() is code of a provider or of the application.  It may wait for a lock, for a device or
 * for ever, so it is called on a thread that is made for it, and waited for with a limit.
 */
#ifndef CKPT_HOTSPOT_RENEW_SECURE_RANDOM_H
#define CKPT_HOTSPOT_RENEW_SECURE_RANDOM_H

#include <jni.h>
#include <stdbool.h>

/** Before the freeze: find OpenSSL; after it, the objects are added. */
void ckpt_reseed_begin(JNIEnv *env);

/** A SecureRandom, and the name under which it is known to people. */
bool ckpt_reseed_add(JNIEnv *env, jobject random, const char *name);

/** In the restored process, all threads running.  What took no seed is logged. */
void ckpt_reseed(JNIEnv *env);

/** Give back what is held. */
void ckpt_reseed_end(JNIEnv *env);

#endif
