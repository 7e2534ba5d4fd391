/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The two halves of a checkpoint that another program freezes: the hooks before the freeze, and the
 * hooks after it. A first half without a second one is undone after a time limit (agent option
 * undo_timeout).
 */
#ifndef CKPT_AGENT_REQUESTS_HALVES_H
#define CKPT_AGENT_REQUESTS_HALVES_H

#include <jni.h>
#include <stdbool.h>

/** Whether a first half is done and its second half is not requested yet. */
bool ckpt_halves_are_open(void);

/* Native methods of jdk.crac.impl.Native, for the thread that has the turn. */

/** The first half is done. */
void ckpt_native_open_halves(JNIEnv *env, jclass owner);

/** The request with that number requests the second half. Returns whether there is a first one. */
jboolean ckpt_native_close_halves(JNIEnv *env, jclass owner, jlong number);

#endif
