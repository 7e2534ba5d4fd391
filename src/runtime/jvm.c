/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See jvm.h. Uses only JNI and JVMTI.
 */
#include "runtime/jvm.h"

#include <stdio.h>

#define JVMTI_OF_9 0x30090000

struct ckpt_jvm ckpt_jvm;

int ckpt_jvm_open(JavaVM *vm, struct ckpt_error *error)
{
    static const jint versions[] = {JVMTI_OF_9, JVMTI_VERSION_1_2};

    ckpt_jvm.vm = vm;
    for (int i = 0; i < 2; i++)
        if ((*vm)->GetEnv(vm, (void **)&ckpt_jvm.jvmti, versions[i]) == JNI_OK)
            return 0;
    return ckpt_error_set(error, 0, "this JVM has no tool interface (JVMTI)");
}

bool ckpt_jvm_property(const char *name, char *ret_value, size_t size)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    char *value = NULL;

    if ((*jvmti)->GetSystemProperty(jvmti, name, &value) != JVMTI_ERROR_NONE || !value)
        return false;
    snprintf(ret_value, size, "%s", value);
    (*jvmti)->Deallocate(jvmti, (unsigned char *)value);
    return true;
}

void ckpt_jvm_describe(void)
{
    char name[100] = "JVM", version[80] = "?", vendor[64] = "?";

    ckpt_jvm_property("java.vm.name", name, sizeof name);
    ckpt_jvm_property("java.vm.version", version, sizeof version);
    ckpt_jvm_property("java.vm.vendor", vendor, sizeof vendor);
    snprintf(ckpt_jvm.version, sizeof ckpt_jvm.version, "%s %s (%s)", name, version, vendor);
}

JNIEnv *ckpt_jvm_env(void)
{
    JNIEnv *env = NULL;

    return (*ckpt_jvm.vm)->GetEnv(ckpt_jvm.vm, (void **)&env, JNI_VERSION_1_6) == JNI_OK ? env
                                                                                         : NULL;
}

JNIEnv *ckpt_jvm_attach(const char *name)
{
    JavaVMAttachArgs arguments = {.version = JNI_VERSION_1_6, .name = (char *)name};
    JNIEnv *env = NULL;

    return (*ckpt_jvm.vm)->AttachCurrentThread(ckpt_jvm.vm, (void **)&env, &arguments) == JNI_OK
               ? env
               : NULL;
}

JNIEnv *ckpt_jvm_attach_daemon(const char *name)
{
    JavaVMAttachArgs arguments = {.version = JNI_VERSION_1_6, .name = (char *)name};
    JNIEnv *env = NULL;

    return (*ckpt_jvm.vm)->AttachCurrentThreadAsDaemon(ckpt_jvm.vm, (void **)&env, &arguments) ==
                   JNI_OK
               ? env
               : NULL;
}

void ckpt_jvm_detach(void)
{
    (*ckpt_jvm.vm)->DetachCurrentThread(ckpt_jvm.vm);
}
