/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Carries out one checkpoint: called by Java after the hooks, it prepares the JVM and calls the
 * engine.
 */
#ifndef CKPT_AGENT_CHECKPOINT_H
#define CKPT_AGENT_CHECKPOINT_H

#include <jni.h>

struct ckpt_request;
struct ckpt_host;

/** Describe @request to an engine, without the facts about the JVM, which the freeze adds. */
void ckpt_checkpoint_describe(const struct ckpt_request *request, struct ckpt_host *ret_host);

/** Read the facts that the first checkpoint needs, when the agent starts. */
void ckpt_checkpoint_init(JNIEnv *env);

/**
 * Native method of jdk.crac.impl.Native: freeze the process for the request with that number. If it
 * is not frozen, the reasons are added to @reports, each as "TYPE:MESSAGE".
 * @return an enum ckpt_freeze_result
 */
jint ckpt_native_freeze(JNIEnv *env, jclass owner, jlong request, jobject reports);

#endif
