/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What must differ between a process and its clones: identifiers, the state of random generators,
 * and what was true of the old machine only.  A table of rows; each knows one class of the JDK.
 *
 * The work is split because a restore takes a few milliseconds in all: ckpt_renew_prepare() looks
 * everything up while the JVM still runs normally; ckpt_renew() only writes.
 *
 * A row writes fields and the bytes of arrays, and calls no method that takes a lock which an
 * application thread may hold for long: these threads run already, and one of them may be waiting
 * for this very restore to be over.
 */
#ifndef CKPT_HOTSPOT_RENEW_RENEW_H
#define CKPT_HOTSPOT_RENEW_RENEW_H

#include <jni.h>
#include <stdbool.h>

/**
 * Before the freeze, on the thread that asks for it, as the last thing before parking.  Loads JDK
 * classes but initialises none: what is not initialised has nothing that could be stale.
 * @param seeded  also generators that may have a seed of the application's
 */
void ckpt_renew_prepare(JNIEnv *env, bool seeded);

/**
 * In the restored process, on the same thread, when all threads run again and before afterRestore.
 * What cannot be renewed is named in a warning.  Leaves no exception pending.
 */
void ckpt_renew(JNIEnv *env);

/** In the process that goes on after ckpt_renew_prepare(): give back what it holds. */
void ckpt_renew_forget(JNIEnv *env);

#endif
