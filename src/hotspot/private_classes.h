/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Gives the agent's Java code access to private classes of the JDK. Runs on threads that are
 * attached to the JVM, while threads run.
 */
#ifndef CKPT_HOTSPOT_PRIVATE_CLASSES_H
#define CKPT_HOTSPOT_PRIVATE_CLASSES_H

#include <jni.h>

/** Native method of jdk.crac.impl.Native. */
jclass ckpt_native_open_class(JNIEnv *env, jclass owner, jstring name);

#endif
