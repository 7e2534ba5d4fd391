/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See hooks.h. Runs on Java threads: the thread that serves the request, or the watchdog thread,
 * which exists while hooks run.
 */
#include "agent/java/hooks.h"

#include "agent/options.h"
#include "runtime/java.h"

jlong ckpt_native_hook_limit(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    return (jlong)ckpt_options.hook_timeout_s * 1000;
}

/* ---- the owner of a lock ---- */

/*
 * The owner of the java.util.concurrent lock that @thread waits for, if the lock records one. JVMTI
 * reports owners of monitors only with a capability requested at the JVM's start, which costs too
 * much.
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
