/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See hooks.h.  All of it on Java threads: the requester's, or the watchdog's, which exists while
 * hooks run.
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
