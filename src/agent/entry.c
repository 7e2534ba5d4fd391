/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The ways in beside -agentpath: from checkpointer.jar, whose class checkpointer.agent.Library has
 * loaded this library as Java programs do; and into a JVM in which there is a copy of the agent
 * already, from another path or from the jar.  One of them is enough: the classes and the control
 * socket are the first one's, and the second gives it its options and does nothing more.
 *
 * Runs on Java threads, before or beside the application; may print to standard error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "agent/agent.h"
#include "base/cleanup.h"

#define UNPACKED_PREFIX ".libcheckpointer-" /* of the files of Unpacker.java and cli/attach.c */

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

/* One line of /proc/self/maps. */
struct map {
    uintptr_t start, end;
    uint64_t device, inode;
    char path[PATH_MAX];
};

static bool next_map(FILE *maps, struct map *map)
{
    char line[PATH_MAX + 128];
    unsigned major_number, minor_number;

    map->path[0] = '\0';
    if (!fgets(line, sizeof line, maps) ||
        sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %x:%x %" SCNu64 " %4095[^\n]", &map->start,
               &map->end, &major_number, &minor_number, &map->inode, map->path) < 5)
        return false;
    map->device = makedev(major_number, minor_number);
    return true;
}

void ckpt_entry_find_library(void)
{
    ckpt_auto_fclose FILE *maps = fopen("/proc/self/maps", "re");
    uintptr_t here = (uintptr_t)&ckpt_entry_find_library;
    struct map map;

    while (maps && next_map(maps, &map))
        if (here >= map.start && here < map.end && strstr(map.path, "/" UNPACKED_PREFIX)) {
            ckpt_agent.library_device = map.device;
            ckpt_agent.library_inode = map.inode;
        }
}

/*
 * Where the jar tried a folder that is noexec, glibc (2.36) leaves the part of the library mapped
 * that it had mapped when it found that out.  Nobody else knows of it, and the file is gone, which
 * would stand against every checkpoint.
 */
static void drop_failed_loads(void)
{
    ckpt_auto_fclose FILE *maps = fopen("/proc/self/maps", "re");
    struct map map;

    while (maps && next_map(maps, &map))
        if (map.inode && strstr(map.path, "/" UNPACKED_PREFIX) && strstr(map.path, " (deleted)") &&
            (map.inode != ckpt_agent.library_inode || map.device != ckpt_agent.library_device))
            munmap((void *)map.start, map.end - map.start);
}

static jboolean JNICALL library_set_up(JNIEnv *env, jclass owner, jbyteArray options)
{
    ckpt_auto_free char *text = copy_bytes(env, options);
    JavaVM *vm;

    (void)owner;
    if (!text || (*env)->GetJavaVM(env, &vm) != JNI_OK)
        return JNI_FALSE;
    ckpt_entry_find_library();
    if (ckpt_agent.library_inode)
        drop_failed_loads();
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
