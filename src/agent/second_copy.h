/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Two copies of the agent in one JVM, from another path or from the jar.  One of them is enough:
 * the classes and the control socket are the first one's, and the second gives it its options and
 * does nothing more.
 */
#ifndef CKPT_AGENT_SECOND_COPY_H
#define CKPT_AGENT_SECOND_COPY_H

#include <jni.h>
#include <stdbool.h>

/** Before this copy has defined its classes: whether another one has defined its own. */
bool ckpt_second_copy_is_this(JNIEnv *env);

/** Give @options to the copy that came first; it logs what is wrong with them. */
bool ckpt_second_copy_forward(JNIEnv *env, const char *options);

#endif
