/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Detects that the launcher's main thread ends by an exception.
 */
#ifndef CKPT_AGENT_JAVA_MAIN_END_H
#define CKPT_AGENT_JAVA_MAIN_END_H

#include <jni.h>

/** Native method of jdk.crac.impl.Native. */
void ckpt_native_watch_main(JNIEnv *env, jclass owner);

#endif
