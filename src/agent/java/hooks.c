/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See hooks.h.  All of it on Java threads: the requester's, or the watchdog's, which exists while
 * hooks run.
 */
#include "agent/java/hooks.h"

#include "agent/checkpoint.h"
#include "agent/options.h"
#include "runtime/generation.h"
#include "runtime/java.h"
#include "runtime/log.h"

/* ---- reports ---- */

jlong ckpt_native_hook_limit(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    return (jlong)ckpt_options.hook_timeout_s * 1000;
}

jlong ckpt_native_requester(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    return (jlong)(intptr_t)ckpt_current_request;
}

jboolean ckpt_native_is_stale(JNIEnv *env, jclass owner)
{
    const struct ckpt_request *request = ckpt_current_request;

    (void)env;
    (void)owner;
    return request && ckpt_is_restored_since(request->asked_in);
}

void ckpt_native_report(JNIEnv *env, jclass owner, jlong requester, jstring text, jboolean last)
{
    const struct ckpt_request *request = (const struct ckpt_request *)(intptr_t)requester;
    const char *lines = (*env)->GetStringUTFChars(env, text, NULL);

    (void)owner;
    if (!lines)
        return;
    ckpt_log_lines("warning", lines);
    if (request && request->overdue)
        request->overdue(request, lines, last);
    (*env)->ReleaseStringUTFChars(env, text, lines);
}

/* ---- who holds a lock ---- */

/*
 * The owner of a lock of java.util.concurrent.locks that knows one.  Whoever holds a monitor the
 * JVM tells only to agents that asked for that at its start, and it is not worth a capability.
 */
static jobject lock_holder(JNIEnv *env, jobject thread)
{
    jclass support = (*env)->FindClass(env, "java/util/concurrent/locks/LockSupport");
    jclass ownable =
        support ? (*env)->FindClass(env, "java/util/concurrent/locks/AbstractOwnableSynchronizer")
                : NULL;
    jmethodID get_blocker =
        ownable ? (*env)->GetStaticMethodID(env, support, "getBlocker",
                                            "(Ljava/lang/Thread;)Ljava/lang/Object;")
                : NULL;
    jmethodID get_owner = get_blocker ? (*env)->GetMethodID(env, ownable, "getExclusiveOwnerThread",
                                                            "()Ljava/lang/Thread;")
                                      : NULL;
    jobject blocker =
        get_owner ? (*env)->CallStaticObjectMethod(env, support, get_blocker, thread) : NULL;

    return !(*env)->ExceptionCheck(env) && blocker && (*env)->IsInstanceOf(env, blocker, ownable)
               ? (*env)->CallObjectMethod(env, blocker, get_owner)
               : NULL;
}

jobject ckpt_native_lock_holder(JNIEnv *env, jclass owner, jobject thread)
{
    jobject holder = lock_holder(env, thread);

    (void)owner;
    return ckpt_java_clear(env) ? NULL : holder;
}
