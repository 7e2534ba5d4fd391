/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What `restore` passes to the restored process: environment, system properties, working directory,
 * and a main class to run.
 */
#ifndef CKPT_AGENT_JAVA_PARAMETERS_H
#define CKPT_AGENT_JAVA_PARAMETERS_H

#include <jni.h>

struct ckpt_report;

/**
 * Record what a restore needs to set the parameters. Call it before the freeze, after
 * ckpt_renew_prepare().
 */
void ckpt_parameters_prepare(JNIEnv *env);

/** At the JVM's start: record the environment, which Java copies later unless C changes it. */
void ckpt_parameters_init(void);

/**
 * In the restored process, before ckpt_parameters_apply(): add what the restore could not open
 * again to @report, with the type "missing".
 */
void ckpt_parameters_report_missing(struct ckpt_report *report);

/**
 * In the restored process, before the hooks: set all but the main class. Failures are logged as
 * warnings.
 */
void ckpt_parameters_apply(JNIEnv *env);

/**
 * Native.arguments(): the main class and its arguments as bytes, for the first call after a
 * restore; NULL for later calls, and if there is no main class.
 */
jobjectArray ckpt_native_arguments(JNIEnv *env, jclass owner);

/** Native.callMain(): an exception of main stays pending. */
void ckpt_native_call_main(JNIEnv *env, jclass owner, jclass type, jobject main,
                           jobjectArray arguments);

#endif
