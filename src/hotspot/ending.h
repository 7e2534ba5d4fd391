/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Detects a JVM that is ending, which must not be frozen: the restored process would end at once.
 */
#ifndef CKPT_HOTSPOT_ENDING_H
#define CKPT_HOTSPOT_ENDING_H

#include <jni.h>
#include <stdbool.h>

/** Whether the JVM has begun to run its shutdown hooks. */
bool ckpt_ending_has_begun(JNIEnv *env);

/**
 * Prevent the JVM from starting its shutdown hooks, until ckpt_ending_release().
 * @return false: it has begun already
 */
bool ckpt_ending_hold(JNIEnv *env);

/** Allow the JVM to end. */
void ckpt_ending_release(JNIEnv *env);

/**
 * Find out which of the signals that end a JVM have a handler of the application. While a thread
 * runs such a handler, wait up to a second until it returns or ends the JVM.
 * ckpt_ending_threads_exist() ignores threads that are still busy then.
 */
void ckpt_ending_wait_for_handlers(JNIEnv *env);

#endif
