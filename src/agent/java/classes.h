/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The Java classes that the agent carries inside itself, made at build time from src/java and
 * src/java-management (tools/embed-classes): superclasses before subclasses.
 */
#ifndef CKPT_AGENT_JAVA_CLASSES_H
#define CKPT_AGENT_JAVA_CLASSES_H

#include <stddef.h>

struct ckpt_class {
    const char *group; /**< "api", or "management": only where the JDK has the module for it */
    const char *name;  /**< internal name, with slashes */
    const unsigned char *bytes;
    size_t size;
};

extern const struct ckpt_class ckpt_classes[];
extern const size_t ckpt_class_count;

#endif
