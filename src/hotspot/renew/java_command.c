/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See java_command.h. Programs that start themselves again use ProcessHandle.current().info()
 * .command(). In a restored process its native method (in libjava, the same from JDK 9 on) is
 * replaced by one that calls the original and corrects the command if the PID is this process's.
 */
#include "hotspot/renew/java_command.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "runtime/java.h"

#define ORIGINAL "Java_java_lang_ProcessHandleImpl_00024Info_info0"

typedef void info_fn(JNIEnv *env, jobject info, jlong pid);

static char executable[PATH_MAX];
static jclass info_class; /* a global reference, kept: java.lang.ProcessHandleImpl$Info */
static info_fn *original;

static bool read_link(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);

    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

void ckpt_java_command_init(void)
{
    read_link(executable, sizeof executable);
}

const char *ckpt_java_command_path(void)
{
    return *executable ? executable : NULL;
}

void ckpt_java_command_prepare(JNIEnv *env)
{
    void *library;

    if (info_class)
        return;
    info_class = ckpt_java_load(env, "java.lang.ProcessHandleImpl$Info");
    library = dlopen("libjava.so", RTLD_LAZY | RTLD_NOLOAD);
    original = library ? (info_fn *)dlsym(library, ORIGINAL) : NULL;
    if (library)
        dlclose(library);
}

static void JNICALL get_info(JNIEnv *env, jobject info, jlong pid)
{
    jfieldID command;
    jstring path;

    original(env, info, pid);
    if (pid != getpid() || (*env)->ExceptionCheck(env))
        return;
    command = (*env)->GetFieldID(env, info_class, "command", "Ljava/lang/String;");
    path = command && (*env)->GetObjectField(env, info, command)
               ? (*env)->NewStringUTF(env, executable)
               : NULL;
    if (path)
        (*env)->SetObjectField(env, info, command, path);
}

void ckpt_java_command_renew(JNIEnv *env)
{
    static const JNINativeMethod method = {(char *)"info0", (char *)"(J)V", (void *)get_info};
    /* this restore or an earlier one has replaced the method; it stays replaced */
    static bool replaced;
    char now[PATH_MAX];

    if (replaced || !info_class || !original || !*executable || !read_link(now, sizeof now) ||
        strcmp(now, executable) == 0)
        return;
    replaced = (*env)->RegisterNatives(env, info_class, &method, 1) == JNI_OK;
    (*env)->ExceptionClear(env);
}
