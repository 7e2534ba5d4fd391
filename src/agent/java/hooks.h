/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's part in watching hooks (HookWatch.java): their time limit, and the owners of locks.
 */
#ifndef CKPT_AGENT_JAVA_HOOKS_H
#define CKPT_AGENT_JAVA_HOOKS_H

#include <jni.h>

/* Native methods of jdk.crac.impl.Native. */
jlong ckpt_native_hook_limit(JNIEnv *env, jclass owner);
jobject ckpt_native_lock_holder(JNIEnv *env, jclass owner, jobject thread);

#endif
