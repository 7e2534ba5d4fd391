/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See second_copy.h. A copy recognises an earlier one by the class that the earlier one defined.
 */
#include "agent/second_copy.h"

#include <string.h>

#include "runtime/java.h"

/* Find the method by which the first copy receives options; NULL: there is no other copy. */
static jmethodID find_first_copy(JNIEnv *env, jclass *ret_class)
{
    jclass native = (*env)->FindClass(env, "jdk/crac/impl/Native");
    jmethodID change =
        native ? (*env)->GetStaticMethodID(env, native, "changeOptions", "([B)Z") : NULL;

    ckpt_java_clear(env);
    *ret_class = native;
    return change;
}

bool ckpt_second_copy_other_exists(JNIEnv *env)
{
    jclass native;

    return find_first_copy(env, &native) != NULL;
}

bool ckpt_second_copy_forward(JNIEnv *env, const char *options)
{
    jclass native;
    jmethodID change = find_first_copy(env, &native);
    jsize size = options ? (jsize)strlen(options) : 0;
    jbyteArray bytes = change ? (*env)->NewByteArray(env, size) : NULL;
    jboolean accepted = JNI_FALSE;

    if (bytes) {
        if (size)
            (*env)->SetByteArrayRegion(env, bytes, 0, size, (const jbyte *)options);
        accepted = (*env)->CallStaticBooleanMethod(env, native, change, bytes);
    }
    ckpt_java_clear(env);
    return accepted;
}
