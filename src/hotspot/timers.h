/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Corrects the timers of java.util.Timer after a restore. These functions run on the requester's
 * thread, while threads run.
 */
#ifndef CKPT_HOTSPOT_TIMERS_H
#define CKPT_HOTSPOT_TIMERS_H

#include <jni.h>
#include <stdbool.h>

/** Before the freeze: lock the queue of every timer, so that none runs before it is corrected. */
void ckpt_timers_hold(JNIEnv *env);

/**
 * After the freeze, also if it failed: let the timers run.
 * @param restored  whether this is the restored process: then, of all runs that a task at a fixed
 *     rate missed while the process was frozen, keep one
 */
void ckpt_timers_release(JNIEnv *env, bool restored);

#endif
