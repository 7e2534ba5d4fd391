/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A JVM that is about to end is not frozen: what comes of its image would end at once.
 */
#ifndef CKPT_HOTSPOT_ENDING_H
#define CKPT_HOTSPOT_ENDING_H

#include <jni.h>
#include <stdbool.h>

/** Whether the JVM runs its shutdown hooks, or will in a moment. */
bool ckpt_ending(JNIEnv *env);

/**
 * Keep the JVM from beginning with its shutdown hooks, until ckpt_ending_release().
 * @return false: it has begun
 */
bool ckpt_ending_hold(JNIEnv *env);

/** Let it. */
void ckpt_ending_release(JNIEnv *env);

/**
 * Whose handlers there are for the signals that end a JVM.  Where the application's own is busy, it
 * is given a second to be done or to end the JVM; then it counts no longer for one that will.
 */
void ckpt_ending_know_handlers(JNIEnv *env);

#endif
