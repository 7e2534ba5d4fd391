/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See second_copy.h.  The copies know each other by the class that the first one has defined.
 */
#include "agent/second_copy.h"

#include <string.h>

#include "runtime/java.h"

/* What the copy that came first takes options by; NULL: there is none. */
static jmethodID first_one(JNIEnv *env, jclass *ret_class)
{
    jclass native = (*env)->FindClass(env, "jdk/crac/impl/Native");
    jmethodID change =
        native ? (*env)->GetStaticMethodID(env, native, "changeOptions", "([B)Z") : NULL;

    ckpt_java_clear(env);
    *ret_class = native;
    return change;
}

bool ckpt_second_copy_is_this(JNIEnv *env)
{
    jclass native;

    return first_one(env, &native) != NULL;
}

bool ckpt_second_copy_forward(JNIEnv *env, const char *options)
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
    ckpt_java_clear(env);
    return taken;
}
