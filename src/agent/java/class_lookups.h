/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Gives the agent's own org.crac (spare_classes.h) to class loaders that have none. It never takes
 * the place of an org.crac that the application has, in whatever class loader.
 */
#ifndef CKPT_AGENT_JAVA_CLASS_LOOKUPS_H
#define CKPT_AGENT_JAVA_CLASS_LOOKUPS_H

#include <jni.h>

/** Watch the lookups from now on. Called once; it cannot be undone. */
void ckpt_class_lookups_watch(JNIEnv *env);

#endif
