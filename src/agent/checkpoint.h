/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One checkpoint as the agent drives it, from a directory's name to the engine and back.
 */
#ifndef CKPT_AGENT_CHECKPOINT_H
#define CKPT_AGENT_CHECKPOINT_H

#include <jni.h>

struct ckpt_request;
struct ckpt_host;

/** What an engine is told of @request, but for what is known of the JVM only at the freeze. */
void ckpt_checkpoint_describe(const struct ckpt_request *request, struct ckpt_host *ret_host);

/** What has to be known before the first checkpoint. */
void ckpt_checkpoint_init(JNIEnv *env);

/**
 * Native method of jdk.crac.impl.Native: freeze the process for that request.  Adds why it was not
 * frozen to a list, as "TYPE:MESSAGE" each.
 * @return an enum ckpt_freeze_result
 */
jint ckpt_native_freeze(JNIEnv *env, jclass owner, jlong request, jobject reports);

#endif
