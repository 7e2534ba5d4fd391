/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the agent does for the Java side's watch over hooks (HookWatch.java): its limit, its
 * reports, and who holds a lock.
 */
#ifndef CKPT_AGENT_JAVA_HOOKS_H
#define CKPT_AGENT_JAVA_HOOKS_H

#include <jni.h>

/* Native methods of jdk.crac.impl.Native. */
jlong ckpt_native_hook_limit(JNIEnv *env, jclass owner);
jobject ckpt_native_lock_holder(JNIEnv *env, jclass owner, jobject thread);

#endif
