/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See java.h. Uses only JNI and JVMTI.
 */
#include "runtime/java.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "runtime/jvm.h"

#define MAX_CLASSES 65536

bool ckpt_java_clear(JNIEnv *env)
{
    if (!(*env)->ExceptionCheck(env))
        return false;
    (*env)->ExceptionClear(env);
    return true;
}

/* Calls Class.forName(name, false, null), which uses the boot loader. */
jclass ckpt_java_load(JNIEnv *env, const char *name)
{
    static jclass class_class; /* a global reference, kept */
    static jmethodID for_name;
    jclass found = NULL, kept = NULL;
    jstring text;

    if (!for_name) {
        found = (*env)->FindClass(env, "java/lang/Class");
        class_class = found ? (*env)->NewGlobalRef(env, found) : NULL;
        for_name = class_class ? (*env)->GetStaticMethodID(env, class_class, "forName",
                                                           "(Ljava/lang/String;ZLjava/lang/"
                                                           "ClassLoader;)Ljava/lang/Class;")
                               : NULL;
        (*env)->DeleteLocalRef(env, found);
    }
    text = for_name ? (*env)->NewStringUTF(env, name) : NULL;
    found = text ? (*env)->CallStaticObjectMethod(env, class_class, for_name, text, JNI_FALSE, NULL)
                 : NULL;
    if (!ckpt_java_clear(env) && found)
        kept = (*env)->NewGlobalRef(env, found);
    (*env)->DeleteLocalRef(env, found);
    (*env)->DeleteLocalRef(env, text);
    return kept;
}

static void *look_up(JNIEnv *env, const struct ckpt_java_row *row)
{
    switch (row->kind) {
    case CKPT_JAVA_FIELD:
        return (*env)->GetFieldID(env, *row->of, row->name, row->signature);
    case CKPT_JAVA_STATIC_FIELD:
        return (*env)->GetStaticFieldID(env, *row->of, row->name, row->signature);
    case CKPT_JAVA_METHOD:
        return (*env)->GetMethodID(env, *row->of, row->name, row->signature);
    case CKPT_JAVA_STATIC_METHOD:
        return (*env)->GetStaticMethodID(env, *row->of, row->name, row->signature);
    default: /* CKPT_JAVA_CLASS */
        return (*env)->FindClass(env, row->name);
    }
}

bool ckpt_java_look_up(JNIEnv *env, const struct ckpt_java_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *found = look_up(env, &rows[i]);

        if (ckpt_java_clear(env) || !found)
            return false;
        *(void **)rows[i].to = found;
    }
    return true;
}

bool ckpt_java_is_initialised(jclass class)
{
    jint status = 0;

    return (*ckpt_jvm.jvmti)->GetClassStatus(ckpt_jvm.jvmti, class, &status) == JVMTI_ERROR_NONE &&
           (status & JVMTI_CLASS_STATUS_INITIALIZED);
}

bool ckpt_java_each_class(JNIEnv *env,
                          bool (*see)(JNIEnv *env, jclass class, char *signature, void *context),
                          void *context)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    jclass *classes = NULL;
    jint count = 0;
    bool more = true;

    (*env)->EnsureLocalCapacity(env, MAX_CLASSES); /* without this -Xcheck:jni prints warnings */
    if ((*jvmti)->GetLoadedClasses(jvmti, &count, &classes) != JVMTI_ERROR_NONE)
        return false;
    for (jint i = 0; i < count; i++) {
        char *signature = NULL;

        if (more &&
            (*jvmti)->GetClassSignature(jvmti, classes[i], &signature, NULL) == JVMTI_ERROR_NONE) {
            more = see(env, classes[i], signature, context);
            (*jvmti)->Deallocate(jvmti, (unsigned char *)signature);
        }
        (*env)->DeleteLocalRef(env, classes[i]);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)classes);
    return true;
}

char *ckpt_java_bytes(JNIEnv *env, jbyteArray array)
{
    jsize size = (*env)->GetArrayLength(env, array);
    char *bytes = malloc((size_t)size + 1);

    if (!bytes) {
        ckpt_java_throw_out_of_memory(env);
        return NULL;
    }
    (*env)->GetByteArrayRegion(env, array, 0, size, (jbyte *)bytes);
    bytes[size] = '\0';
    return bytes;
}

void ckpt_java_throw_out_of_memory(JNIEnv *env)
{
    jclass error = (*env)->FindClass(env, "java/lang/OutOfMemoryError");

    if (error)
        (*env)->ThrowNew(env, error, "checkpointer");
}

/* Replace bytes that are not modified UTF-8, such as in file names: NewStringUTF aborts on them. */
static void clean_utf8(char *text)
{
    unsigned char *at = (unsigned char *)text;

    while (*at) {
        int more = *at < 0x80 ? 0 : (*at & 0xe0) == 0xc0 ? 1 : (*at & 0xf0) == 0xe0 ? 2 : -1;
        bool good = more >= 0;

        for (int i = 1; good && i <= more; i++)
            good = (at[i] & 0xc0) == 0x80;
        if (!good)
            *at = '?';
        at += good ? more + 1 : 1;
    }
}

bool ckpt_java_add(JNIEnv *env, jobject list, const char *text)
{
    jclass lists = (*env)->FindClass(env, "java/util/List");
    jmethodID add = lists ? (*env)->GetMethodID(env, lists, "add", "(Ljava/lang/Object;)Z") : NULL;
    ckpt_auto_free char *copy = strdup(text);
    jstring string = NULL;

    if (copy) {
        clean_utf8(copy);
        string = add ? (*env)->NewStringUTF(env, copy) : NULL;
    }
    if (string)
        (*env)->CallBooleanMethod(env, list, add, string);
    else if (!(*env)->ExceptionCheck(env))
        ckpt_java_throw_out_of_memory(env);
    (*env)->DeleteLocalRef(env, string);
    (*env)->DeleteLocalRef(env, lists);
    return !(*env)->ExceptionCheck(env);
}
