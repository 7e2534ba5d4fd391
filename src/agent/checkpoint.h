/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Carries out one checkpoint: called by Java after the hooks, it prepares the JVM and calls the
 * engine.
 */
#ifndef CKPT_AGENT_CHECKPOINT_H
#define CKPT_AGENT_CHECKPOINT_H

#include <jni.h>

struct ckpt_engine_jvm;
struct ckpt_request;
struct ckpt_host;

/** The engine that carries out @request; NULL: that of the agent's option. */
const struct ckpt_engine_jvm *ckpt_checkpoint_engine(const struct ckpt_request *request);

/**
 * Describe @request to an engine, without the facts about the JVM, which the freeze adds. Call
 * ckpt_new_image_decide() first.
 */
void ckpt_checkpoint_describe(const struct ckpt_request *request, struct ckpt_host *ret_host);

/** Read the facts that the first checkpoint needs, when the agent starts. */
void ckpt_checkpoint_init(JNIEnv *env);

/**
 * Native method of jdk.crac.impl.Native: freeze the process for the request with that number. If it
 * is not frozen, the reasons are added to @reports, each as "TYPE:MESSAGE".
 * @return an enum ckpt_freeze_result
 */
jint ckpt_native_freeze(JNIEnv *env, jclass owner, jlong request, jobject reports);

/**
 * Native method of jdk.crac.impl.Native: add the reasons that a freeze would have to fail, when
 * there will be none because a hook has failed. Nothing of it lasts, except a new image directory.
 */
void ckpt_native_find_obstacles(JNIEnv *env, jclass owner, jlong request, jobject reports);

#endif
