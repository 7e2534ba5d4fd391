/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See final_fields.h. The JIT compilers treat final fields of the package java.lang as constants,
 * also instance fields: code that was compiled before a freeze contains the PID of ProcessHandle as
 * an immediate operand, which renew.c cannot change. So that class is loaded here, early, with its
 * fields made non-final.
 *
 * The class file hook is enabled only during this one load, so nothing is slower afterwards. The
 * archive of shared classes (CDS) stays in use, except for this class, whose bytes differ. A class
 * that is already loaded stays as it is (when the agent is loaded into a running JVM).
 */
#include "hotspot/renew/final_fields.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "runtime/jvm.h"

#define OWNER "java/lang/ProcessHandleImpl"
#define FINAL 0x10

/* The unread rest of a class file; empty after the first read beyond its end. */
struct bytes {
    unsigned char *at;
    size_t left;
};

static unsigned char *take(struct bytes *bytes, size_t size)
{
    unsigned char *at = bytes->at;

    if (size > bytes->left) {
        bytes->left = 0;
        return NULL;
    }
    bytes->at += size;
    bytes->left -= size;
    return at;
}

/* Read a big-endian number; 0 after the end. */
static uint32_t take_number(struct bytes *bytes, size_t size)
{
    const unsigned char *at = take(bytes, size);
    uint32_t value = 0;

    for (size_t i = 0; at && i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* Sizes of constants by their tag; a text (tag 1) contains its size. */
static size_t constant_size(uint32_t tag)
{
    static const unsigned char sizes[] = {
        [3] = 4,  [4] = 4,  [5] = 8,  [6] = 8,  [7] = 2,  [8] = 2,  [9] = 4,  [10] = 4,
        [11] = 4, [12] = 4, [15] = 3, [16] = 2, [17] = 4, [18] = 4, [19] = 2, [20] = 2};

    return tag < sizeof sizes ? sizes[tag] : 0;
}

/* Skip the constant pool; @ret gets the pool index of each of @names. */
static bool find_names(struct bytes *bytes, const char *const names[], uint32_t *ret, size_t count)
{
    uint32_t constants = take_number(bytes, 2);

    for (uint32_t i = 1; i < constants && bytes->left; i++) {
        uint32_t tag = take_number(bytes, 1);
        size_t size = tag == 1 ? take_number(bytes, 2) : constant_size(tag);
        const unsigned char *text = take(bytes, size);

        if (!text || (tag != 1 && !size))
            return false;
        for (size_t k = 0; tag == 1 && k < count; k++)
            if (strlen(names[k]) == size && memcmp(text, names[k], size) == 0)
                ret[k] = i;
        i += tag == 5 || tag == 6; /* a long or double takes two indices */
    }
    return bytes->left > 0;
}

static void clear_final_flags(struct bytes *bytes)
{
    static const char *const names[] = {"pid", "startTime"};
    uint32_t wanted[CKPT_COUNT(names)] = {0};
    uint32_t fields;

    take(bytes, 8); /* skip magic number and version */
    if (!find_names(bytes, names, wanted, CKPT_COUNT(names)))
        return;
    take(bytes, 6); /* skip flags, class and superclass */
    take(bytes, 2 * (size_t)take_number(bytes, 2));
    fields = take_number(bytes, 2);
    for (uint32_t i = 0; i < fields && bytes->left; i++) {
        unsigned char *flags = take(bytes, 2);
        uint32_t name = take_number(bytes, 2);
        uint32_t attributes;

        take(bytes, 2); /* skip the field's type */
        attributes = take_number(bytes, 2);
        for (uint32_t k = 0; k < attributes && bytes->left; k++) {
            take(bytes, 2);
            take(bytes, take_number(bytes, 4));
        }
        for (size_t k = 0; flags && bytes->left && k < CKPT_COUNT(names); k++)
            if (wanted[k] && name == wanted[k])
                flags[1] &= (unsigned char)~FINAL;
    }
}

static void JNICALL on_class(jvmtiEnv *jvmti, JNIEnv *env, jclass redefined, jobject loader,
                             const char *name, jobject domain, jint size,
                             const unsigned char *bytes, jint *new_size, unsigned char **new_bytes)
{
    struct bytes copy = {.left = (size_t)size};

    (void)env;
    (void)domain;
    if (redefined || loader || !name || strcmp(name, OWNER) != 0 ||
        (*jvmti)->Allocate(jvmti, size, &copy.at) != JVMTI_ERROR_NONE)
        return;
    *new_bytes = memcpy(copy.at, bytes, (size_t)size);
    *new_size = size;
    clear_final_flags(&copy);
}

void ckpt_final_fields_make_mutable(JNIEnv *env)
{
    static const jvmtiEventCallbacks callbacks = {.ClassFileLoadHook = on_class};
    jvmtiEnv *own = NULL;
    jclass array;

    if ((*ckpt_jvm.vm)->GetEnv(ckpt_jvm.vm, (void **)&own, JVMTI_VERSION_1_2) != JNI_OK)
        return;
    if ((*own)->SetEventCallbacks(own, &callbacks, sizeof callbacks) == JVMTI_ERROR_NONE &&
        (*own)->SetEventNotificationMode(own, JVMTI_ENABLE, JVMTI_EVENT_CLASS_FILE_LOAD_HOOK,
                                         NULL) == JVMTI_ERROR_NONE) {
        /* loads the class without initialising it */
        array = (*env)->FindClass(env, "[L" OWNER ";");
        if (array)
            (*env)->DeleteLocalRef(env, array);
        else
            (*env)->ExceptionClear(env); /* JDK 8 has no such class */
    }
    (*own)->DisposeEnvironment(own);
}
