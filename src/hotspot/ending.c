/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See ending.h. Runtime.removeShutdownHook() throws as soon as the JDK has taken the hooks to run
 * them. The JDK takes them under the monitor of ApplicationShutdownHooks, which the requester's
 * thread holds during the freeze. A thread that HotSpot has started for a signal, but that has not
 * got this monitor yet, is found by its name (ending_signal.c). Runs on the requester's thread.
 */
#include "hotspot/ending.h"

#include "base/cleanup.h"
#include "runtime/java.h"

static jclass hooks; /* a global reference, kept; NULL: this JDK has no such class */
static bool is_held;

static bool has_begun(JNIEnv *env)
{
    jclass runtime, threads, refusal;
    jmethodID get, current, remove;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/Runtime", NULL, NULL, &runtime},
        {CKPT_JAVA_STATIC_METHOD, "getRuntime", "()Ljava/lang/Runtime;", &runtime, &get},
        {CKPT_JAVA_METHOD, "removeShutdownHook", "(Ljava/lang/Thread;)Z", &runtime, &remove},
        {CKPT_JAVA_CLASS, "java/lang/Thread", NULL, NULL, &threads},
        {CKPT_JAVA_STATIC_METHOD, "currentThread", "()Ljava/lang/Thread;", &threads, &current},
        {CKPT_JAVA_CLASS, "java/lang/IllegalStateException", NULL, NULL, &refusal},
    };
    bool known = ckpt_java_look_up(env, rows, CKPT_COUNT(rows));
    jobject of = known ? (*env)->CallStaticObjectMethod(env, runtime, get) : NULL;
    jobject self = of && !(*env)->ExceptionCheck(env)
                       ? (*env)->CallStaticObjectMethod(env, threads, current)
                       : NULL;
    jthrowable thrown;

    /* The current thread is not a hook, so nothing is removed. */
    if (self && !(*env)->ExceptionCheck(env))
        (*env)->CallBooleanMethod(env, of, remove, self);
    thrown = (*env)->ExceptionOccurred(env);
    (*env)->ExceptionClear(env);
    return thrown && (*env)->IsInstanceOf(env, thrown, refusal);
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
