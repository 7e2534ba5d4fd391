/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See management.h.  The bean asks an object of sun.management.VMManagementImpl, whose
 * methods for the two times are native: in the restored process they become ours. That needs
 * neither the bean nor the class to be in use, so it also holds for a bean that is made later. One
 * that exists has read its start time already, into a field, and gets the new one.  The classes are
 * loaded without being initialised: they fail if that is out of turn.
 *
 * All names are private ones of the JDK (17 and 25 looked at); where one is missing, that time is
 * left as it was.  What counts by HotSpot's own clock is not changed by this: -Xlog's uptime, jcmd
 * VM.uptime, the times in notifications of the collector.
 */
#include "hotspot/renew/management.h"

#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/generation.h"
#include "runtime/java.h"

/* Global references, for the life of the JVM. */
static jclass management, factory, bean_class;
static int64_t restored_at_ms; /* by the monotonic clock, which nobody sets */

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

void ckpt_renew_management_prepare(JNIEnv *env)
{
    if (management)
        return;
    management = ckpt_java_load(env, "sun.management.VMManagementImpl");
    factory = ckpt_java_load(env, "sun.management.ManagementFactoryHelper");
    bean_class = ckpt_java_load(env, "sun.management.RuntimeImpl");
}

static void take_over(JNIEnv *env)
{
    static const JNINativeMethod natives[] = {
        {(char *)"getStartupTime", (char *)"()J", (void *)get_start_time},
        {(char *)"getUptime0", (char *)"()J", (void *)get_uptime},
    };

    static bool taken; /* in an earlier generation: they stay ours */

    for (size_t i = 0; i < CKPT_COUNT(natives) && !taken; i++) {
        (*env)->RegisterNatives(env, management, &natives[i], 1);
        ckpt_java_clear(env);
    }
    taken = true;
}

/* Only if the class is initialised: to ask it for a field would initialise it. */
static void renew_bean(JNIEnv *env)
{
    jfieldID bean_at, time_at;
    jobject bean;

    if (!ckpt_java_is_initialised(factory))
        return;
    bean_at =
        (*env)->GetStaticFieldID(env, factory, "runtimeMBean", "Lsun/management/RuntimeImpl;");
    if (ckpt_java_clear(env))
        return;
    bean = (*env)->GetStaticObjectField(env, factory, bean_at);
    if (!bean)
        return;
    time_at = (*env)->GetFieldID(env, bean_class, "vmStartupTime", "J");
    if (!ckpt_java_clear(env))
        (*env)->SetLongField(env, bean, time_at, start_time_ms());
    (*env)->DeleteLocalRef(env, bean);
}

void ckpt_renew_management(JNIEnv *env)
{
    restored_at_ms =
        ckpt_clock_ms(CLOCK_MONOTONIC) - (ckpt_clock_ms(CLOCK_REALTIME) - start_time_ms());
    if (management)
        take_over(env);
    if (factory && bean_class)
        renew_bean(env);
}
