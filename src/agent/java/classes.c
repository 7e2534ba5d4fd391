/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Defines the Java API's classes in the boot loader, so that every class loader finds jdk.crac,
 * without a jar on disk. (A jar appended to the boot class path would disable class-data sharing
 * for application classes and make the JVM print a warning to standard output.)
 *
 * The MXBean needs a provider in the module java.management. A class that is defined in the boot
 * loader, in a package of that module, belongs to the module; JVMTI then adds it as a provider.
 */
#include "agent/java/classes.h"
#include "agent/foreign_restore.h"

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

/* Whether the JVM has searched for its MBeans already; it does not search again. */
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

/* Add the MXBean if the JVM has java.management. Without it org.crac returns -1 for its values. */
static void add_management(JNIEnv *env, jvmtiEnv *jvmti)
{
    const char *failed = NULL;
    jobject module = NULL;

    if ((*env)->GetVersion(env) < 0x00090000 ||
        (*jvmti)->GetNamedModule(jvmti, NULL, "sun/management/spi", &module) != JVMTI_ERROR_NONE ||
        !module || mbeans_are_known(env))
        return;
    if (!define_group(env, "management", &failed) || !provide(env, jvmti, module))
        ckpt_log("warning", "cannot add the CRaC MXBean to this JVM");
}

static bool register_natives(JNIEnv *env, const JNINativeMethod *own)
{
    static const JNINativeMethod natives[] = {
        {(char *)"freeze", (char *)"(JLjava/util/List;)I", (void *)ckpt_native_freeze},
        {(char *)"findObstacles", (char *)"(JLjava/util/List;)V",
         (void *)ckpt_native_find_obstacles},
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
        {(char *)"isRepeatable", (char *)"(J)Z", (void *)ckpt_native_is_repeatable},
        {(char *)"renewIfRestored", (char *)"(J)V", (void *)ckpt_native_renew_if_restored},
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
                              "cannot define the class %s; this JDK has its own CRaC, or another "
                              "copy of the class is on the boot class path",
                              failed);
    }
    add_management(env, ckpt_jvm.jvmti);
    return 0;
}
