/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See working_directory.h. The JDK reads user.dir once, when it starts: java.io and java.nio.file
 * each keep a copy in a final instance field (java.io only from JDK 11 on; before, it reads the
 * property each time). The JIT compilers do not treat final instance fields of these packages as
 * constants, so they can be changed.
 */
#include "hotspot/working_directory.h"

#include <stdbool.h>
#include <string.h>

/* The object in a static field, or NULL with an exception pending. */
static jobject static_object(JNIEnv *env, const char *class_name, const char *field,
                             const char *signature)
{
    jclass owner = (*env)->FindClass(env, class_name);
    jfieldID id = owner ? (*env)->GetStaticFieldID(env, owner, field, signature) : NULL;

    return id ? (*env)->GetStaticObjectField(env, owner, id) : NULL;
}

/* Set a field, if this JDK has it. */
static void set_text(JNIEnv *env, jobject object, const char *field, jstring text)
{
    jclass owner = (*env)->GetObjectClass(env, object);
    jfieldID id = (*env)->GetFieldID(env, owner, field, "Ljava/lang/String;");

    if (id)
        (*env)->SetObjectField(env, object, id, text);
    else
        (*env)->ExceptionClear(env);
}

/* Change java.io's copy, which is in File.FS (File.fs up to JDK 20). */
static void change_io(JNIEnv *env, jstring text)
{
    jobject system = static_object(env, "java/io/File", "FS", "Ljava/io/FileSystem;");

    if (!system) {
        (*env)->ExceptionClear(env);
        system = static_object(env, "java/io/File", "fs", "Ljava/io/FileSystem;");
    }
    if (system)
        set_text(env, system, "userDir", text);
}

/* Change java.nio.file's copy: the path as bytes, as in system calls. */
static void change_nio(JNIEnv *env, const char *path)
{
    jclass systems = (*env)->FindClass(env, "java/nio/file/FileSystems");
    jmethodID get = systems ? (*env)->GetStaticMethodID(env, systems, "getDefault",
                                                        "()Ljava/nio/file/FileSystem;")
                            : NULL;
    jobject system = get ? (*env)->CallStaticObjectMethod(env, systems, get) : NULL;
    jclass owner = (*env)->ExceptionCheck(env) || !system
                       ? NULL
                       : (*env)->FindClass(env, "sun/nio/fs/UnixFileSystem");
    jfieldID id;
    jbyteArray bytes;

    if (!owner || !(*env)->IsInstanceOf(env, system, owner))
        return; /* the application set another provider (-Djava.nio.file.spi...) */
    id = (*env)->GetFieldID(env, owner, "defaultDirectory", "[B");
    bytes = id ? (*env)->NewByteArray(env, (jsize)strlen(path)) : NULL;
    if (!bytes)
        return;
    (*env)->SetByteArrayRegion(env, bytes, 0, (jsize)strlen(path), (const jbyte *)path);
    (*env)->SetObjectField(env, system, id, bytes);
}

/* Change StaticProperty, which from JDK 12 on keeps the properties from the start of the JVM. */
static void change_static(JNIEnv *env, jstring text)
{
    jclass owner = (*env)->FindClass(env, "jdk/internal/util/StaticProperty");
    jfieldID id =
        owner ? (*env)->GetStaticFieldID(env, owner, "USER_DIR", "Ljava/lang/String;") : NULL;

    if (id)
        (*env)->SetStaticObjectField(env, owner, id, text);
    else
        (*env)->ExceptionClear(env);
}

/* @path as a string, decoded as the JDK decodes file names; NULL with an exception pending. */
static jstring text_of(JNIEnv *env, const char *path)
{
    jclass strings = (*env)->FindClass(env, "java/lang/String");
    jmethodID make =
        strings ? (*env)->GetMethodID(env, strings, "<init>", "([BLjava/lang/String;)V") : NULL;
    jclass system = make ? (*env)->FindClass(env, "java/lang/System") : NULL;
    jmethodID get = system ? (*env)->GetStaticMethodID(env, system, "getProperty",
                                                       "(Ljava/lang/String;)Ljava/lang/String;")
                           : NULL;
    jstring key = get ? (*env)->NewStringUTF(env, "sun.jnu.encoding") : NULL;
    jobject encoding = key ? (*env)->CallStaticObjectMethod(env, system, get, key) : NULL;
    jbyteArray bytes =
        (*env)->ExceptionCheck(env) ? NULL : (*env)->NewByteArray(env, (jsize)strlen(path));

    if (!bytes || !encoding)
        return NULL;
    (*env)->SetByteArrayRegion(env, bytes, 0, (jsize)strlen(path), (const jbyte *)path);
    return (*env)->NewObject(env, strings, make, bytes, encoding);
}

static void set_property(JNIEnv *env, jstring text)
{
    jclass system = (*env)->FindClass(env, "java/lang/System");
    jmethodID set = system ? (*env)->GetStaticMethodID(env, system, "setProperty",
                                                       "(Ljava/lang/String;Ljava/lang/String;)"
                                                       "Ljava/lang/String;")
                           : NULL;
    jstring key = set ? (*env)->NewStringUTF(env, "user.dir") : NULL;

    if (key)
        (*env)->CallStaticObjectMethod(env, system, set, key, text);
}

void ckpt_working_directory_change(JNIEnv *env, const char *path)
{
    jstring text = text_of(env, path);

    if (!text)
        return;
    set_property(env, text);
    if (!(*env)->ExceptionCheck(env))
        change_io(env, text);
    if (!(*env)->ExceptionCheck(env))
        change_nio(env, path);
    if (!(*env)->ExceptionCheck(env))
        change_static(env, text);
}
