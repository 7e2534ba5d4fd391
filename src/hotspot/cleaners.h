/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Waits for the work that a collection gives to others: cleaners and finalizers.
 */
#ifndef CKPT_HOTSPOT_CLEANERS_H
#define CKPT_HOTSPOT_CLEANERS_H

#include <jni.h>
#include <stdbool.h>

/**
 * After a collection: wait until the references that it cleared are in their queues, and until
 * every java.lang.ref.Cleaner and the finalizer have seen to theirs; five seconds at most.  Queues
 * that the application reads by itself are its own affair.
 * @return false if some are still at work
 */
bool ckpt_cleaners_wait(JNIEnv *env);

#endif
