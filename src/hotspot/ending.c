/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See ending.h. Runtime.removeShutdownHook() throws as soon as the JDK has taken the hooks to run
 * them. The JDK takes them under the monitor of ApplicationShutdownHooks, which the requester's
 * thread holds during the freeze. A thread that HotSpot has started for a signal, but that has not
 * got this monitor yet, is found by its name (ending_signal.c). Runs on the requester's thread.
 */
#include "hotspot/ending.h"

#include "runtime/java.h"

static jclass hooks; /* a global reference, kept; NULL: this JDK has no such class */
static bool is_held;

static bool has_begun(JNIEnv *env)
{
    jclass runtime = (*env)->FindClass(env, "java/lang/Runtime");
    jclass threads = runtime ? (*env)->FindClass(env, "java/lang/Thread") : NULL;
    jclass refusal = threads ? (*env)->FindClass(env, "java/lang/IllegalStateException") : NULL;
    jmethodID get =
        refusal ? (*env)->GetStaticMethodID(env, runtime, "getRuntime", "()Ljava/lang/Runtime;")
                : NULL;
    jmethodID current =
        get ? (*env)->GetStaticMethodID(env, threads, "currentThread", "()Ljava/lang/Thread;")
            : NULL;
    jmethodID remove =
        current ? (*env)->GetMethodID(env, runtime, "removeShutdownHook", "(Ljava/lang/Thread;)Z")
                : NULL;
    jobject of = remove ? (*env)->CallStaticObjectMethod(env, runtime, get) : NULL;
    jobject self = of && !(*env)->ExceptionCheck(env)
                       ? (*env)->CallStaticObjectMethod(env, threads, current)
                       : NULL;
    jthrowable thrown;

    /* The current thread is not a hook, so nothing is removed. */
    if (self && !(*env)->ExceptionCheck(env))
        (*env)->CallBooleanMethod(env, of, remove, self);
    thrown = (*env)->ExceptionOccurred(env);
    (*env)->ExceptionClear(env);
    return thrown && refusal && (*env)->IsInstanceOf(env, thrown, refusal);
}

bool ckpt_ending_has_begun(JNIEnv *env)
{
    bool begun;

    if ((*env)->PushLocalFrame(env, 16) != JNI_OK) {
        (*env)->ExceptionClear(env);
        return false;
    }
    begun = has_begun(env);
    (*env)->PopLocalFrame(env, NULL);
    return begun;
}

bool ckpt_ending_hold(JNIEnv *env)
{
    if (!hooks)
        hooks = ckpt_java_load(env, "java.lang.ApplicationShutdownHooks");
    is_held = hooks && (*env)->MonitorEnter(env, hooks) == JNI_OK;
    if (!ckpt_ending_has_begun(env))
        return true;
    ckpt_ending_release(env);
    return false;
}

void ckpt_ending_release(JNIEnv *env)
{
    if (is_held)
        (*env)->MonitorExit(env, hooks);
    is_held = false;
}
