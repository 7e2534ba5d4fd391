/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Brings the Java API into the JVM: the classes are defined in the boot loader, so that every class
 * loader finds jdk.crac, without a jar on disk.  (A jar appended to the boot class path would
 * switch off class-data sharing of application classes and print a warning to the JVM's standard
 * output.)
 *
 * The MXBean needs a provider inside the module java.management; a class whose package belongs to a
 * module of the boot loader lands in that module, and JVMTI lets the module provide it.
 */
#include "agent/java/classes.h"

#include <string.h>

#include "agent/checkpoint.h"
#include "agent/java/can_freeze.h"
#include "agent/java/hooks.h"
#include "agent/java/main_end.h"
#include "agent/java/origins.h"
#include "agent/java/parameters.h"
#include "agent/java/times.h"
#include "agent/requests/halves.h"
#include "agent/requests/request.h"
#include "base/cleanup.h"
#include "hotspot/private_classes.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

static bool define(JNIEnv *env, const struct ckpt_class *class)
{
    jclass defined = (*env)->DefineClass(env, class->name, NULL, (const jbyte *)class->bytes,
                                         (jsize) class->size);

    if (!defined) {
        (*env)->ExceptionClear(env);
        return false;
    }
    (*env)->DeleteLocalRef(env, defined);
    return true;
}

static bool define_group(JNIEnv *env, const char *group, const char **ret_failed)
{
    for (size_t i = 0; i < ckpt_class_count; i++)
        if (strcmp(ckpt_classes[i].group, group) == 0 && !define(env, &ckpt_classes[i])) {
            *ret_failed = ckpt_classes[i].name;
            return false;
        }
    return true;
}

static bool is_finder(JNIEnv *env, jclass class, char *signature, void *known)
{
    static const char finder[] = "Ljava/lang/management/ManagementFactory$PlatformMBeanFinder;";

    (void)env;
    *(bool *)known = strcmp(signature, finder) == 0 && ckpt_java_is_initialised(class);
    return !*(bool *)known;
}

/* Whether the JVM has looked for its MBeans already; then ours would never be found. */
static bool mbeans_are_known(JNIEnv *env)
{
    bool known = false;

    return !ckpt_java_each_class(env, is_finder, &known) || known;
}

static bool provide(JNIEnv *env, jvmtiEnv *jvmti, jobject module)
{
    jclass core = (*env)->FindClass(env, "jdk/crac/Core");
    jclass service = (*env)->FindClass(env, "sun/management/spi/PlatformMBeanProvider");
    jclass provider = (*env)->FindClass(env, "sun/management/spi/CheckpointerMBeanProvider");
    jobject unnamed = core ? (*env)->GetModule(env, core) : NULL;
    bool done = service && provider && unnamed &&
                (*jvmti)->AddModuleReads(jvmti, module, unnamed) == JVMTI_ERROR_NONE &&
                (*jvmti)->AddModuleProvides(jvmti, module, service, provider) == JVMTI_ERROR_NONE;

    ckpt_java_clear(env);
    return done;
}

/* The MXBean, where the JVM has a place for it. Without it org.crac answers -1. */
static void add_management(JNIEnv *env, jvmtiEnv *jvmti)
{
    const char *failed = NULL;
    jobject module = NULL;

    if ((*env)->GetVersion(env) < 0x00090000 ||
        (*jvmti)->GetNamedModule(jvmti, NULL, "sun/management/spi", &module) != JVMTI_ERROR_NONE ||
        !module || mbeans_are_known(env))
        return;
    if (!define_group(env, "management", &failed) || !provide(env, jvmti, module))
        ckpt_log("warning", "the JVM does not take the CRaC MXBean");
}

static bool register_natives(JNIEnv *env, const JNINativeMethod *own)
{
    static const JNINativeMethod natives[] = {
        {(char *)"freeze", (char *)"(JLjava/util/List;)I", (void *)ckpt_native_freeze},
        {(char *)"isWorthwhile", (char *)"(JLjava/util/List;)Z", (void *)ckpt_native_is_worthwhile},
        {(char *)"arguments", (char *)"()[[B", (void *)ckpt_native_arguments},
        {(char *)"callMain",
         (char *)"(Ljava/lang/Class;Ljava/lang/reflect/Method;[Ljava/lang/String;)V",
         (void *)ckpt_native_call_main},
        {(char *)"origin", (char *)"(I)Ljava/lang/Throwable;", (void *)ckpt_native_origin},
        {(char *)"collectsOrigins", (char *)"()Z", (void *)ckpt_native_collects_origins},
        {(char *)"unsupported", (char *)"()Ljava/lang/String;", (void *)ckpt_native_unsupported},
        {(char *)"hookLimit", (char *)"()J", (void *)ckpt_native_hook_limit},
        {(char *)"isStale", (char *)"(J)Z", (void *)ckpt_native_is_stale},
        {(char *)"report", (char *)"(JLjava/lang/String;Z)V", (void *)ckpt_native_report},
        {(char *)"addReason", (char *)"(J[B)V", (void *)ckpt_native_add_reason},
        {(char *)"openHalves", (char *)"()V", (void *)ckpt_native_open_halves},
        {(char *)"closeHalves", (char *)"(J)Z", (void *)ckpt_native_close_halves},
        {(char *)"watchMain", (char *)"()V", (void *)ckpt_native_watch_main},
        {(char *)"openClass", (char *)"(Ljava/lang/String;)Ljava/lang/Class;",
         (void *)ckpt_native_open_class},
        {(char *)"lockHolder", (char *)"(Ljava/lang/Thread;)Ljava/lang/Thread;",
         (void *)ckpt_native_lock_holder},
        {(char *)"restoreTime", (char *)"()J", (void *)ckpt_native_restore_time},
        {(char *)"uptimeSinceRestore", (char *)"()J", (void *)ckpt_native_uptime},
    };
    jclass owner = (*env)->FindClass(env, "jdk/crac/impl/Native");

    return owner && (*env)->RegisterNatives(env, owner, natives, CKPT_COUNT(natives)) == JNI_OK &&
           (*env)->RegisterNatives(env, owner, own, 1) == JNI_OK;
}

int ckpt_classes_define(JNIEnv *env, const JNINativeMethod *own, struct ckpt_error *error)
{
    const char *failed = "jdk/crac/impl/Native";

    if (!define_group(env, "api", &failed) || !register_natives(env, own)) {
        ckpt_java_clear(env);
        return ckpt_error_set(error, 0,
                              "the JVM does not take the class %s; a JDK with CRaC of its own, or "
                              "another copy of it on the boot class path, is in the way",
                              failed);
    }
    add_management(env, ckpt_jvm.jvmti);
    return 0;
}
