/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * When the process was restored, for the MXBean.
 */
#ifndef CKPT_AGENT_JAVA_TIMES_H
#define CKPT_AGENT_JAVA_TIMES_H

#include <jni.h>

/** Native methods of jdk.crac.impl.Native: milliseconds, or -1 if the process was not restored. */
jlong ckpt_native_restore_time(JNIEnv *env, jclass owner);
jlong ckpt_native_uptime(JNIEnv *env, jclass owner);

#endif
