/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See lookup_stack.h. The stack has methods, not the objects that they belong to. So the loader
 * that was asked first is known by its class, and by the class that needs the one being looked up:
 * the JVM asks that class's loader. While a class is being defined, it is the one that needs
 * its superclass.
 */
#include "agent/java/lookup_stack.h"

#include <string.h>

#include "runtime/java.h"
#include "runtime/jvm.h"

#define MAX_FRAMES 256

static jclass loader_class; /* ClassLoader, a global reference */

struct search {
    JNIEnv *env;
    jobject loader;  /* the one whose findLoadedClass() was called */
    jclass foreign;  /* the class of the outermost loader that is not @loader; or NULL */
    jobject needing; /* the loader of the first class after it that is no loader; or NULL */
};

bool ckpt_lookup_stack_init(JNIEnv *env, jclass class_loader)
{
    loader_class = (*env)->NewGlobalRef(env, class_loader);
    return loader_class;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A frame of code that is not the JDK's. */
static void see(struct search *search, jclass owner, const char *method, jobject *owner_loader)
{
    JNIEnv *env = search->env;

    if ((*env)->IsAssignableFrom(env, owner, loader_class) &&
        (starts_with(method, "loadClass") || starts_with(method, "findClass"))) {
        if ((*env)->IsInstanceOf(env, search->loader, owner))
            return;
        (*env)->DeleteLocalRef(env, search->foreign);
        (*env)->DeleteLocalRef(env, search->needing);
        search->foreign = (*env)->NewLocalRef(env, owner);
        search->needing = NULL;
    } else if (search->foreign && !search->needing) {
        search->needing = *owner_loader;
        *owner_loader = NULL;
    }
}

/* @return false at the frame of defineClass() */
static bool see_frame(struct search *search, const jvmtiFrameInfo *frame)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    JNIEnv *env = search->env;
    jclass owner = NULL;
    jobject owner_loader = NULL;
    char *name = NULL;
    bool define = false;

    if ((*jvmti)->GetMethodDeclaringClass(jvmti, frame->method, &owner) == JVMTI_ERROR_NONE &&
        (*jvmti)->GetMethodName(jvmti, frame->method, &name, NULL, NULL) == JVMTI_ERROR_NONE &&
        (*jvmti)->GetClassLoader(jvmti, owner, &owner_loader) == JVMTI_ERROR_NONE) {
        define = frame->location < 0 && starts_with(name, "defineClass");
        if (owner_loader)
            see(search, owner, name, &owner_loader);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)name);
    (*env)->DeleteLocalRef(env, owner_loader);
    (*env)->DeleteLocalRef(env, owner);
    return !define;
}

enum ckpt_lookup_stack ckpt_lookup_stack_examine(JNIEnv *env, jobject loader, jobject defining,
                                                 jobject *ret_first)
{
    struct search search = {.env = env, .loader = loader};
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    jvmtiFrameInfo frames[MAX_FRAMES];
    jint count = 0;
    bool is_first;

    if ((*jvmti)->GetStackTrace(jvmti, NULL, 0, MAX_FRAMES, frames, &count) != JVMTI_ERROR_NONE)
        return CKPT_LOOKUP_KNOWN;
    for (jint i = 0; i < count; i++)
        if (!see_frame(&search, &frames[i])) {
            if (search.foreign && !search.needing)
                search.needing = (*env)->NewLocalRef(env, defining);
            break;
        }
    if (!search.foreign)
        return CKPT_LOOKUP_KNOWN;
    is_first = search.needing && (*env)->IsInstanceOf(env, search.needing, search.foreign);
    (*env)->DeleteLocalRef(env, search.foreign);
    if (is_first) {
        *ret_first = search.needing;
        return CKPT_LOOKUP_KNOWN;
    }
    (*env)->DeleteLocalRef(env, search.needing);
    return CKPT_LOOKUP_UNKNOWN;
}
