/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where descriptors were opened: with the agent option fd_stacks=true, or CRaC's system property
 * jdk.crac.collect-fd-stacktraces=true, the Java stack that opened a descriptor is kept until the
 * descriptor is closed, and becomes the cause of the exception that reports it.
 *
 * open_calls.c watches the calls of the JDK's own native code, origins.c keeps the stacks. Without
 * the option there is no table, and no call is redirected.
 */
#ifndef CKPT_AGENT_JAVA_ORIGINS_H
#define CKPT_AGENT_JAVA_ORIGINS_H

#include <jni.h>

/**
 * Start or stop keeping stacks, as the option fd_stacks and the property
 * jdk.crac.collect-fd-stacktraces request; called again when options change.
 */
void ckpt_origins_apply(JNIEnv *env);

/** Native methods of jdk.crac.impl.Native. */
jobject ckpt_native_origin(JNIEnv *env, jclass owner, jint descriptor);
jboolean ckpt_native_collects_origins(JNIEnv *env, jclass owner);

#endif
