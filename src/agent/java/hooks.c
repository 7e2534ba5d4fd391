/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See hooks.h. Runs on Java threads: the thread that serves the request, or the watchdog thread,
 * which exists while hooks run.
 */
#include "agent/java/hooks.h"

#include "agent/options.h"
#include "base/cleanup.h"
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
    jclass support, ownable;
    jmethodID get_blocker, get_owner;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/util/concurrent/locks/LockSupport", NULL, NULL, &support},
        {CKPT_JAVA_STATIC_METHOD, "getBlocker", "(Ljava/lang/Thread;)Ljava/lang/Object;", &support,
         &get_blocker},
        {CKPT_JAVA_CLASS, "java/util/concurrent/locks/AbstractOwnableSynchronizer", NULL, NULL,
         &ownable},
        {CKPT_JAVA_METHOD, "getExclusiveOwnerThread", "()Ljava/lang/Thread;", &ownable, &get_owner},
    };
    jobject blocker = ckpt_java_look_up(env, rows, CKPT_COUNT(rows))
                          ? (*env)->CallStaticObjectMethod(env, support, get_blocker, thread)
                          : NULL;

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
