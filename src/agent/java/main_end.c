/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See main_end.h. When main has returned or thrown, the launcher detaches its thread, with the
 * exception still pending, and destroys the JVM, which waits for all non-daemon threads. JVMTI has
 * no event for the exception, and frameworks such as Spring Boot replace the thread's handler for
 * it; but the launcher calls DetachCurrentThread through the JavaVM's function table. The table is
 * replaced by a copy with another DetachCurrentThread, and only after a refused checkpoint for
 * which Java requests it (MainEnd.java). Other threads are detached as before.
 */
#include "agent/java/main_end.h"

#include <stdbool.h>

#include "runtime/java.h"
#include "runtime/jvm.h"

static struct JNIInvokeInterface_ table;
static jint(JNICALL *detach)(JavaVM *vm);
static jclass end_class; /* a global reference, never deleted */
static jmethodID is_cause, end;

/* Whether the refusal caused the pending exception, which stays pending. */
static bool ends_by_refusal(JNIEnv *env)
{
    jthrowable thrown = (*env)->ExceptionOccurred(env);
    bool is_caused;

    if (!thrown)
        return false;
    (*env)->ExceptionClear(env);
    is_caused = (*env)->CallStaticBooleanMethod(env, end_class, is_cause, thrown);
    if (ckpt_java_clear(env))
        is_caused = false;
    (*env)->Throw(env, thrown);
    (*env)->DeleteLocalRef(env, thrown);
    return is_caused;
}

static jint JNICALL detach_and_end(JavaVM *vm)
{
    JNIEnv *env;
    bool ends = (*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) == JNI_OK && ends_by_refusal(env);
    jint result = detach(vm); /* this call also prints the pending exception */

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
