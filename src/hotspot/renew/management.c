/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See management.h.  The bean asks an object of sun.management.VMManagementImpl, whose
 * methods for the two times are native: in the restored process they become ours. That needs
 * neither the bean nor the class to be in use, so it also holds for a bean that is made later. One
 * that exists has read its start time already, into a field, and gets the new one.
 *
 * All names are private ones of the JDK (17 and 25 looked at); where one is missing, that time is
 * left as it was.  What counts by HotSpot's own clock is not changed by this: -Xlog's uptime, jcmd
 * VM.uptime, the times in notifications of the collector.
 */
#include "hotspot/renew/management.h"

#include <time.h>

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Global references, for the life of the JVM. */
static jclass management, factory, bean_class;
static int64_t restored_at_ms; /* by the monotonic clock, which nobody sets */

static int64_t start_time_ms(void)
{
    return (int64_t)(ckpt_agent.mailbox.restored_realtime_ns / 1000000);
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

/* No such class or member: another JDK, or one without the module java.management. */
static bool clear(JNIEnv *env)
{
    if (!(*env)->ExceptionCheck(env))
        return false;
    (*env)->ExceptionClear(env);
    return true;
}

/* Not by FindClass, which initialises; and the management classes fail if that is out of turn. */
static jclass find(JNIEnv *env, const char *name)
{
    jclass class = (*env)->FindClass(env, "java/lang/Class");
    jmethodID load = class ? (*env)->GetStaticMethodID(
                                 env, class, "forName",
                                 "(Ljava/lang/String;ZLjava/lang/ClassLoader;)Ljava/lang/Class;")
                           : NULL;
    jstring text = load ? (*env)->NewStringUTF(env, name) : NULL;
    jclass local =
        text ? (*env)->CallStaticObjectMethod(env, class, load, text, JNI_FALSE, NULL) : NULL;

    return clear(env) ? NULL : (*env)->NewGlobalRef(env, local);
}

void ckpt_renew_management_prepare(JNIEnv *env)
{
    if (management || (*env)->PushLocalFrame(env, 16) != JNI_OK)
        return;
    management = find(env, "sun.management.VMManagementImpl");
    factory = find(env, "sun.management.ManagementFactoryHelper");
    bean_class = find(env, "sun.management.RuntimeImpl");
    (*env)->PopLocalFrame(env, NULL);
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
        clear(env);
    }
    taken = true;
}

/* Only if the class is initialised: to ask it for a field would initialise it. */
static void renew_bean(JNIEnv *env, jvmtiEnv *jvmti)
{
    jfieldID bean_at, time_at;
    jobject bean;
    jint status = 0;

    if ((*jvmti)->GetClassStatus(jvmti, factory, &status) != JVMTI_ERROR_NONE ||
        !(status & JVMTI_CLASS_STATUS_INITIALIZED))
        return;
    bean_at =
        (*env)->GetStaticFieldID(env, factory, "runtimeMBean", "Lsun/management/RuntimeImpl;");
    if (clear(env))
        return;
    bean = (*env)->GetStaticObjectField(env, factory, bean_at);
    if (!bean)
        return;
    time_at = (*env)->GetFieldID(env, bean_class, "vmStartupTime", "J");
    if (!clear(env))
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
        renew_bean(env, ckpt_agent.jvmti);
}
