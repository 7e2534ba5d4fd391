/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Waits for cleaners and finalizers that a garbage collection has made ready.
 */
#ifndef CKPT_HOTSPOT_CLEANERS_H
#define CKPT_HOTSPOT_CLEANERS_H

#include <jni.h>
#include <stdbool.h>

/**
 * After a collection: wait until the references that it cleared are in their queues, and until
 * each java.lang.ref.Cleaner and the finalizer thread have emptied theirs; five seconds at most.
 * Does not wait for queues that the application reads itself.
 * @return false if some are still busy
 */
bool ckpt_cleaners_wait(JNIEnv *env);

#endif
