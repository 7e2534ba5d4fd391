/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Renews what must differ between a process and its clones: identifiers, the state of random
 * generators, and facts about the old machine. Tables of rows describe the work; each row is for
 * one class of the JDK.
 *
 * A restore takes only a few milliseconds, so the work is split: ckpt_renew_prepare() looks
 * everything up while the JVM runs normally; ckpt_renew() only writes.
 *
 * A row writes fields and array elements. It must not call a method that takes a lock which an
 * application thread may hold for long: these threads run already, and may be waiting for the end
 * of this restore.
 */
#ifndef CKPT_HOTSPOT_RENEW_RENEW_H
#define CKPT_HOTSPOT_RENEW_RENEW_H

#include <jni.h>
#include <stdbool.h>

/**
 * Before the freeze, on the requester's thread, as the last step before parking. Loads classes of
 * the JDK but initialises none: a class that is not initialised has no stale state.
 * @param seeded  renew also generators that may have got their seed from the application
 */
void ckpt_renew_prepare(JNIEnv *env, bool seeded);

/**
 * In the restored process, on the same thread, when all threads run again and before afterRestore.
 * Logs a warning for each row that fails. Leaves no exception pending.
 */
void ckpt_renew(JNIEnv *env);

/** In a process that continues after ckpt_renew_prepare(): free what it has prepared. */
void ckpt_renew_discard(JNIEnv *env);

#endif
