/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See main_end.h.  When main has returned or thrown, the launcher detaches its thread, with the
 * exception still pending, and destroys the JVM, which waits for all threads that are no daemons.
 * There is no event for the exception, and frameworks exchange the thread's handler for it (Spring
 * Boot does); but the launcher calls through the JavaVM's table of functions.  That table is
 * exchanged for a copy with another DetachCurrentThread, and only after a checkpoint was refused
 * that Java wants this for (MainEnd.java).  What other threads detach goes through unchanged.
 */
#include "agent/java/main_end.h"

#include <stdbool.h>

#include "runtime/java.h"
#include "runtime/jvm.h"

static struct JNIInvokeInterface_ table;
static jint(JNICALL *detach)(JavaVM *vm);
static jclass end_class; /* a global reference, kept */
static jmethodID is_cause, end;

/* Whether the pending exception, which stays pending, comes of the refusal. */
static bool ends_by_refusal(JNIEnv *env)
{
    jthrowable thrown = (*env)->ExceptionOccurred(env);
    bool comes_of_it;

    if (!thrown)
        return false;
    (*env)->ExceptionClear(env);
    comes_of_it = (*env)->CallStaticBooleanMethod(env, end_class, is_cause, thrown);
    if (ckpt_java_clear(env))
        comes_of_it = false;
    (*env)->Throw(env, thrown);
    (*env)->DeleteLocalRef(env, thrown);
    return comes_of_it;
}

static jint JNICALL detach_and_end(JavaVM *vm)
{
    JNIEnv *env;
    bool ends = (*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) == JNI_OK && ends_by_refusal(env);
    jint result = detach(vm); /* reports the exception */

    if (ends && (*vm)->AttachCurrentThread(vm, (void **)&env, NULL) == JNI_OK)
        (*env)->CallStaticVoidMethod(env, end_class, end);
    return result;
}

void ckpt_native_watch_main(JNIEnv *env, jclass owner)
{
    const struct JNIInvokeInterface_ **functions = (const struct JNIInvokeInterface_ **)ckpt_jvm.vm;
    jclass class = (*env)->FindClass(env, "jdk/crac/impl/MainEnd");

    (void)owner;
    if (end_class || !class)
        return;
    is_cause = (*env)->GetStaticMethodID(env, class, "isCause", "(Ljava/lang/Throwable;)Z");
    end = is_cause ? (*env)->GetStaticMethodID(env, class, "end", "()V") : NULL;
    if (!end)
        return;
    end_class = (*env)->NewGlobalRef(env, class);
    table = **functions;
    detach = table.DetachCurrentThread;
    table.DetachCurrentThread = detach_and_end;
    __atomic_store_n(functions, &table, __ATOMIC_RELEASE);
}
