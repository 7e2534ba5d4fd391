/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The entry point for checkpointer.jar: its class checkpointer.agent.Library loads this library by
 * System.load(), so the JVM does not treat it as an agent.
 *
 * Runs on Java threads, before the application starts or while it runs; may print to standard
 * error.
 */
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/own_jar.h"
#include "base/cleanup.h"
#include "runtime/java.h"

static jboolean JNICALL library_set_up(JNIEnv *env, jclass owner, jbyteArray options)
{
    ckpt_auto_free char *text = ckpt_java_bytes(env, options);
    JavaVM *vm;

    (void)owner;
    if (!text || (*env)->GetJavaVM(env, &vm) != JNI_OK)
        return JNI_FALSE;
    return ckpt_agent_set_up(vm, text);
}

static jboolean JNICALL library_begin(JNIEnv *env, jclass owner, jbyteArray jar)
{
    ckpt_auto_free char *path = ckpt_java_bytes(env, jar);

    (void)owner;
    if (!path)
        return JNI_FALSE;
    ckpt_own_jar_set(path);
    return ckpt_agent_start(env);
}

/**
 * Called when Java loads the library. Registers the native methods, because Java 24 and later print
 * a warning when they find one by its name.
 */
__attribute__((visibility("default"))) JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
    static const JNINativeMethod natives[] = {
        {(char *)"setUp", (char *)"([B)Z", (void *)library_set_up},
        {(char *)"begin", (char *)"([B)Z", (void *)library_begin},
    };
    JNIEnv *env = NULL;
    jclass library;

    (void)reserved;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK)
        return JNI_ERR;
    library = (*env)->FindClass(env, "checkpointer/agent/Library");
    if (!library || (*env)->RegisterNatives(env, library, natives, CKPT_COUNT(natives)) != JNI_OK)
        return JNI_ERR; /* the pending exception has the reason */
    return JNI_VERSION_1_6;
}
