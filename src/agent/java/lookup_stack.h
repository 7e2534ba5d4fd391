/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which class loader a lookup began with, from the calling thread's stack.
 */
#ifndef CKPT_AGENT_JAVA_LOOKUP_STACK_H
#define CKPT_AGENT_JAVA_LOOKUP_STACK_H

#include <jni.h>
#include <stdbool.h>

enum ckpt_lookup_stack {
    CKPT_LOOKUP_KNOWN,
    CKPT_LOOKUP_UNKNOWN, /**< another loader asked this one, but it is not known which */
};

/** Call once, with the class ClassLoader. */
bool ckpt_lookup_stack_init(JNIEnv *env, jclass class_loader);

/**
 * Examine the stack of a thread that is in findLoadedClass() of @loader.
 * @param defining   the loader that the thread's innermost defineClass() belongs to, or NULL
 * @param ret_first  a local reference to the loader whose loadClass() called that of @loader; not
 *                   written if @loader itself was asked first
 */
enum ckpt_lookup_stack ckpt_lookup_stack_examine(JNIEnv *env, jobject loader, jobject defining,
                                                 jobject *ret_first);

#endif
