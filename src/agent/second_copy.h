/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Two copies of the agent in one JVM, loaded from different paths or from the jar. The first one
 * has the classes and the control socket; the second passes its options to the first and does
 * nothing else.
 */
#ifndef CKPT_AGENT_SECOND_COPY_H
#define CKPT_AGENT_SECOND_COPY_H

#include <jni.h>
#include <stdbool.h>

/** Whether another copy has defined its classes. Call it before this copy defines its own. */
bool ckpt_second_copy_other_exists(JNIEnv *env);

/** Pass @options to the first copy, which logs errors in them. */
bool ckpt_second_copy_forward(JNIEnv *env, const char *options);

#endif
