/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The ways in beside -agentpath: from checkpointer.jar, whose class checkpointer.agent.Library has
 * loaded this library as Java programs do; and into a JVM in which there is a copy of the agent
 * already, from another path or from the jar.  One of them is enough: the classes and the control
 * socket are the first one's, and the second gives it its options and does nothing more.
 *
 * Runs on Java threads, before or beside the application; may print to standard error.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/cleanup.h"

/* ---- two copies ---- */

/* What the copy that came first takes options by; NULL: there is none. */
static jmethodID first_one(JNIEnv *env, jclass *ret_class)
{
    jclass native = (*env)->FindClass(env, "jdk/crac/impl/Native");
    jmethodID change =
        native ? (*env)->GetStaticMethodID(env, native, "changeOptions", "([B)Z") : NULL;

    if ((*env)->ExceptionCheck(env))
        (*env)->ExceptionClear(env);
    *ret_class = native;
    return change;
}

bool ckpt_entry_is_second(JNIEnv *env)
{
    jclass native;

    return !ckpt_agent.ready && first_one(env, &native);
}

bool ckpt_entry_forward(JNIEnv *env, const char *options)
{
    jclass native;
    jmethodID change = first_one(env, &native);
    jsize size = options ? (jsize)strlen(options) : 0;
    jbyteArray bytes = change ? (*env)->NewByteArray(env, size) : NULL;
    jboolean taken = JNI_FALSE;

    if (bytes) {
        if (size)
            (*env)->SetByteArrayRegion(env, bytes, 0, size, (const jbyte *)options);
        taken = (*env)->CallStaticBooleanMethod(env, native, change, bytes);
    }
    if ((*env)->ExceptionCheck(env))
        (*env)->ExceptionClear(env);
    return taken;
}

/* ---- from Java ---- */

/* Malloc'd; NULL with an exception pending. */
static char *copy_bytes(JNIEnv *env, jbyteArray bytes)
{
    jsize size = (*env)->GetArrayLength(env, bytes);
    char *text = malloc((size_t)size + 1);

    if (!text) {
        (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/OutOfMemoryError"), "checkpointer");
        return NULL;
    }
    (*env)->GetByteArrayRegion(env, bytes, 0, size, (jbyte *)text);
    text[size] = '\0';
    return text;
}

jboolean ckpt_native_change_options(JNIEnv *env, jclass owner, jbyteArray options)
{
    ckpt_auto_free char *text = copy_bytes(env, options);

    (void)owner;
    return text && ckpt_agent_change(env, text);
}

static jboolean JNICALL library_set_up(JNIEnv *env, jclass owner, jbyteArray options)
{
    ckpt_auto_free char *text = copy_bytes(env, options);
    JavaVM *vm;

    (void)owner;
    if (!text || (*env)->GetJavaVM(env, &vm) != JNI_OK)
        return JNI_FALSE;
    return ckpt_agent_set_up(vm, text);
}

static jboolean JNICALL library_begin(JNIEnv *env, jclass owner, jbyteArray unused)
{
    (void)owner;
    (void)unused;
    return ckpt_agent_begin(env);
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
