/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Timers of java.util.Timer over the time for which the process was frozen.  On the thread that
 * asks for the checkpoint, while threads run.
 */
#ifndef CKPT_HOTSPOT_TIMERS_H
#define CKPT_HOTSPOT_TIMERS_H

#include <jni.h>
#include <stdbool.h>

/** Before the freeze: hold the queue of every timer, so that none runs before it is corrected. */
void ckpt_timers_hold(JNIEnv *env);

/**
 * After it, whatever came of it: let the timers run.
 * @param restored  the process stood still: of the runs at a fixed rate that came due meanwhile one
 *                  is left
 */
void ckpt_timers_release(JNIEnv *env, bool restored);

#endif
