/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's own org.crac, for applications that were compiled against org.crac and do not contain
 * it. All class loaders without an org.crac share these classes, which have a class loader of their
 * own. They are defined when the first one is needed.
 */
#ifndef CKPT_AGENT_JAVA_SPARE_CLASSES_H
#define CKPT_AGENT_JAVA_SPARE_CLASSES_H

#include <jni.h>
#include <stdbool.h>

#define CKPT_SPARE_NAME_MAX 128 /* bytes; a character has at most three */

/** Whether there is a class of this name, such as "org.crac.Core", that applications may use. */
bool ckpt_spare_classes_has(const char *name);

/** The class of that name, as a local reference; NULL: it could not be defined. */
jclass ckpt_spare_classes_get(JNIEnv *env, const char *name);

/** Whether @class is one of them. */
bool ckpt_spare_classes_contain(JNIEnv *env, jclass class);

/** Whether @loader is their class loader. */
bool ckpt_spare_classes_are_of(JNIEnv *env, jobject loader);

#endif
