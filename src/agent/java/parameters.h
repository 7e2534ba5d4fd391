/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What `restore` gives a process for its new life: environment, system properties, and a main class
 * to run.
 */
#ifndef CKPT_AGENT_JAVA_PARAMETERS_H
#define CKPT_AGENT_JAVA_PARAMETERS_H

#include <jni.h>

/** Before the freeze, behind ckpt_renew_prepare(). */
void ckpt_parameters_prepare(JNIEnv *env);

/** At the JVM's start: the environment now is what Java copies, if nobody changes it first. */
void ckpt_parameters_begin(void);

/**
 * In the restored process, before the hooks: system properties, and System.getenv() where it
 * differs.  What cannot be set is a warning.
 */
void ckpt_parameters_apply(JNIEnv *env);

/**
 * Native.arguments(): the main class and its arguments as bytes, at the first call after a restore
 * on the thread that froze the process; otherwise, and if there is none, NULL.
 */
jobjectArray ckpt_native_arguments(JNIEnv *env, jclass owner);

/** Native.callMain(): what main throws stays pending. */
void ckpt_native_call_main(JNIEnv *env, jclass owner, jclass type, jobject main,
                           jobjectArray arguments);

#endif
