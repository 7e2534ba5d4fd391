/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The way in from checkpointer.jar, whose class checkpointer.agent.Library has loaded this library
 * as Java programs do.  To the JVM it is no agent then.
 *
 * Runs on Java threads, before or beside the application; may print to standard error.
 */
#include <stdlib.h>

#include "agent/agent.h"
#include "base/cleanup.h"
#include "runtime/java.h"

static char *agent_jar; /* malloc'd, kept; NULL: not known */

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
    agent_jar = realpath(path, NULL);
    return ckpt_agent_begin(env);
}

const char *ckpt_agent_jar(void)
{
    return agent_jar;
}

/**
 * Called when Java loads the library.  The methods are registered, not found by name, because
 * finding them prints a warning from Java 24 on.
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
        return JNI_ERR; /* with the exception that says what is missing */
    return JNI_VERSION_1_6;
}
