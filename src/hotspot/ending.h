/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A JVM that is about to end is not frozen: what comes of its image would end at once.
 */
#ifndef CKPT_HOTSPOT_ENDING_H
#define CKPT_HOTSPOT_ENDING_H

#include <jni.h>
#include <stdbool.h>

#include "engine/builtin/parked/park.h"

/** The reason, as a message. */
#define CKPT_ENDING                                                                                \
    "the JVM is ending (System.exit(), SIGTERM, SIGINT or SIGHUP): what is restored from "         \
    "an image of it would end at once; ask for the checkpoint before"

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

/** With all threads parked: a thread that is about to end the JVM for a signal; NULL: none. */
const char *ckpt_ending_by_signal(const struct ckpt_park *park);

#endif
