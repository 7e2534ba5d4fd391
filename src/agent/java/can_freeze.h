/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What makes a checkpoint impossible or pointless, asked before any hook is called.
 */
#ifndef CKPT_AGENT_JAVA_CAN_FREEZE_H
#define CKPT_AGENT_JAVA_CAN_FREEZE_H

#include <jni.h>

/* Native methods of jdk.crac.impl.Native. */

/** Why this machine can freeze no JVM; NULL: it can. */
jstring ckpt_native_unsupported(JNIEnv *env, jclass owner);

/** Whether a freeze for that request is possible now; if not, why, as "error:MESSAGE" in a list. */
jboolean ckpt_native_is_worthwhile(JNIEnv *env, jclass owner, jlong request, jobject reports);

#endif
