/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See spare_classes.h. Runs on Java threads that look up a class. The lock is held while the
 * classes are defined, which loads no class but them and those of the boot loader.
 */
#include "agent/java/spare_classes.h"

#include <pthread.h>
#include <string.h>

#include "agent/java/classes.h"
#include "base/cleanup.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define MAX 16

static jobject own_loader; /* a global reference; NULL: nothing is defined yet */
static struct {
    const char *name; /* with slashes */
    jclass class;     /* a global reference */
} defined[MAX];
static size_t count;
static bool failed;

/* The public classes of org.crac; the others are not for applications. */
static const char *const names[] = {
    "org.crac.Resource",
    "org.crac.Context",
    "org.crac.Core",
    "org.crac.CheckpointException",
    "org.crac.RestoreException",
    "org.crac.management.CRaCMXBean",
};

bool ckpt_spare_classes_has(const char *name)
{
    for (size_t i = 0; i < CKPT_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool same_name(const char *with_slashes, const char *with_dots)
{
    size_t i = 0;

    for (; with_slashes[i] && with_dots[i]; i++)
        if (with_slashes[i] != (with_dots[i] == '.' ? '/' : with_dots[i]))
            return false;
    return with_slashes[i] == with_dots[i];
}

static jobject make_loader(JNIEnv *env)
{
    jclass type = (*env)->FindClass(env, "jdk/crac/impl/SpareLoader");
    jmethodID init = type ? (*env)->GetMethodID(env, type, "<init>", "()V") : NULL;
    jobject made = init ? (*env)->NewObject(env, type, init) : NULL;
    jobject kept = made ? (*env)->NewGlobalRef(env, made) : NULL;

    ckpt_java_clear(env);
    (*env)->DeleteLocalRef(env, made);
    (*env)->DeleteLocalRef(env, type);
    return kept;
}

/* A JVM without java.management lacks the superclass of the last ones; they are left out there. */
static void define_all(JNIEnv *env)
{
    for (size_t i = 0; i < ckpt_class_count && count < MAX; i++) {
        const struct ckpt_class *class = &ckpt_classes[i];
        jclass made;

        if (strcmp(class->group, "spare") != 0)
            continue;
        made = (*env)->DefineClass(env, class->name, own_loader, (const jbyte *)class->bytes,
                                   (jsize) class->size);
        if (ckpt_java_clear(env) || !made)
            break;
        defined[count].name = class->name;
        defined[count++].class = (*env)->NewGlobalRef(env, made);
        (*env)->DeleteLocalRef(env, made);
    }
}

static void define_once(JNIEnv *env)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&mutex);
    if (!own_loader && !failed) {
        jobject loader = make_loader(env);

        __atomic_store_n(&own_loader, loader, __ATOMIC_RELEASE);
        if (own_loader)
            define_all(env);
        failed = count == 0;
        if (failed)
            ckpt_log("warning", "cannot define org.crac for an application that lacks it");
    }
    pthread_mutex_unlock(&mutex);
}

jclass ckpt_spare_classes_get(JNIEnv *env, const char *name)
{
    define_once(env);
    for (size_t i = 0; i < count; i++)
        if (same_name(defined[i].name, name))
            return (*env)->NewLocalRef(env, defined[i].class);
    return NULL;
}

bool ckpt_spare_classes_are_of(JNIEnv *env, jobject loader)
{
    jobject own = __atomic_load_n(&own_loader, __ATOMIC_ACQUIRE);

    return own && (*env)->IsSameObject(env, own, loader);
}

bool ckpt_spare_classes_contain(JNIEnv *env, jclass class)
{
    jobject loader = NULL;
    bool contain;

    if (!__atomic_load_n(&own_loader, __ATOMIC_ACQUIRE) ||
        (*ckpt_jvm.jvmti)->GetClassLoader(ckpt_jvm.jvmti, class, &loader) != JVMTI_ERROR_NONE)
        return false;
    contain = loader && ckpt_spare_classes_are_of(env, loader);
    (*env)->DeleteLocalRef(env, loader);
    return contain;
}
