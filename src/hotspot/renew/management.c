/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See management.h. The bean gets both times from native methods of
 * sun.management.VMManagementImpl, which are replaced in the restored process. That also works if
 * the bean and the class are used only later. A bean that exists has already read its start time
 * into a field, which gets the new value. The classes are not initialised here: they fail if they
 * are initialised in the wrong order.
 *
 * All names are private to the JDK (as in the sources of 17 and 25); if a JDK lacks one, that time
 * is not changed. With `restore --keep-start-time` the natives are the JDK's own again: the start
 * is then that of the first process, and the uptime is HotSpot's, by its monotonic clock. Times
 * that HotSpot computes itself are never changed: -Xlog's uptime, jcmd VM.uptime, the times in
 * notifications of the collector.
 */
#include "hotspot/renew/management.h"

#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/generation.h"
#include "runtime/java.h"

/* Global references, for the life of the JVM. */
static jclass management, factory, bean_class;
static int64_t restored_at_ms; /* by the monotonic clock, which cannot be set */

static int64_t start_time_ms(void)
{
    return ckpt_restored_at_ms();
}

static jlong JNICALL get_start_time(JNIEnv *env, jobject self)
{
    (void)env;
    (void)self;
    return start_time_ms();
}

static jlong JNICALL get_uptime(JNIEnv *env, jobject self)
{
    (void)env;
    (void)self;
    return ckpt_clock_ms(CLOCK_MONOTONIC) - restored_at_ms;
}

void ckpt_management_prepare(JNIEnv *env)
{
    if (management)
        return;
    management = ckpt_java_load(env, "sun.management.VMManagementImpl");
    factory = ckpt_java_load(env, "sun.management.ManagementFactoryHelper");
    bean_class = ckpt_java_load(env, "sun.management.RuntimeImpl");
}

/* this restore or an earlier one has replaced the methods */
static bool are_replaced;

static void replace_natives(JNIEnv *env)
{
    static const JNINativeMethod natives[] = {
        {(char *)"getStartupTime", (char *)"()J", (void *)get_start_time},
        {(char *)"getUptime0", (char *)"()J", (void *)get_uptime},
    };

    for (size_t i = 0; i < CKPT_COUNT(natives) && !are_replaced; i++) {
        (*env)->RegisterNatives(env, management, &natives[i], 1);
        ckpt_java_clear(env);
    }
    are_replaced = true;
}

/* Give the methods back to the JDK, whose functions HotSpot finds by name at the next call. */
static void return_natives(JNIEnv *env)
{
    (*env)->UnregisterNatives(env, management);
    ckpt_java_clear(env);
    are_replaced = false;
}

/* The start time that the natives return now; -1: not found. */
static int64_t current_start_time(JNIEnv *env, jobject bean)
{
    jfieldID jvm_at = (*env)->GetFieldID(env, bean_class, "jvm", "Lsun/management/VMManagement;");
    jobject jvm = jvm_at ? (*env)->GetObjectField(env, bean, jvm_at) : NULL;
    jmethodID get = jvm ? (*env)->GetMethodID(env, management, "getStartupTime", "()J") : NULL;
    int64_t time = get ? (*env)->CallLongMethod(env, jvm, get) : -1;

    (*env)->DeleteLocalRef(env, jvm);
    return ckpt_java_clear(env) ? -1 : time;
}

/*
 * Set the start time of a bean that exists. Does so only if the class is initialised, because
 * GetStaticFieldID() would initialise it.
 */
static void renew_bean(JNIEnv *env)
{
    jfieldID bean_at, time_at;
    jobject bean;
    int64_t time;

    if (!ckpt_java_is_initialised(factory))
        return;
    bean_at =
        (*env)->GetStaticFieldID(env, factory, "runtimeMBean", "Lsun/management/RuntimeImpl;");
    if (ckpt_java_clear(env))
        return;
    bean = (*env)->GetStaticObjectField(env, factory, bean_at);
    if (!bean)
        return;
    time = current_start_time(env, bean);
    time_at = (*env)->GetFieldID(env, bean_class, "vmStartupTime", "J");
    if (!ckpt_java_clear(env) && time >= 0)
        (*env)->SetLongField(env, bean, time_at, time);
    (*env)->DeleteLocalRef(env, bean);
}

void ckpt_management_renew(JNIEnv *env)
{
    restored_at_ms =
        ckpt_clock_ms(CLOCK_MONOTONIC) - (ckpt_clock_ms(CLOCK_REALTIME) - start_time_ms());
    if (!management)
        return;
    if (!ckpt_generation_keeps_start_time())
        replace_natives(env);
    else if (are_replaced)
        return_natives(env);
    if (factory && bean_class)
        renew_bean(env);
}
