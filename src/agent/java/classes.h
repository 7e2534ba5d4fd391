/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The Java classes inside the agent, compiled at build time from src/java, src/java-management and
 * src/java-spare (tools/embed-classes): superclasses before subclasses.
 */
#ifndef CKPT_AGENT_JAVA_CLASSES_H
#define CKPT_AGENT_JAVA_CLASSES_H

#include <jni.h>
#include <stddef.h>

#include "base/error.h"

struct ckpt_class {
    /**
     * "api"; "management": only where the JDK has the module for it; "spare": only when an
     * application needs it (spare_classes.h)
     */
    const char *group;
    const char *name; /**< the internal name of the class, with slashes */
    const unsigned char *bytes;
    size_t size;
};

extern const struct ckpt_class ckpt_classes[];
extern const size_t ckpt_class_count;

/**
 * Define them in the boot loader, and register the native methods of jdk.crac.impl.Native, with the
 * caller's method @own. 0 or -1.
 */
int ckpt_classes_define(JNIEnv *env, const JNINativeMethod *own, struct ckpt_error *error);

#endif
