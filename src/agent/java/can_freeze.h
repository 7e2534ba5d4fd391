/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Conditions that make a checkpoint impossible or pointless, checked before any hook is called.
 */
#ifndef CKPT_AGENT_JAVA_CAN_FREEZE_H
#define CKPT_AGENT_JAVA_CAN_FREEZE_H

#include <jni.h>

/* Native methods of jdk.crac.impl.Native. */

/** Why this machine cannot freeze a JVM; NULL: it can. */
jstring ckpt_native_unsupported(JNIEnv *env, jclass owner);

/** Whether this request can be carried out now. If not, the reason is added as "error:MESSAGE". */
jboolean ckpt_native_is_worthwhile(JNIEnv *env, jclass owner, jlong request, jobject reports);

#endif
