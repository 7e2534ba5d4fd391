// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Shown: a library includes this and defines make() and show(). What show()
// prints by say() are the lines that Shown prints.

#include <jni.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void make(const char *kind);
static void show(const char *kind);

static char shown_text[1 << 20];
static size_t shown_length;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    shown_length += (size_t)vsnprintf(shown_text + shown_length, sizeof shown_text - shown_length,
                                      format, arguments);
    va_end(arguments);
}

JNIEXPORT void JNICALL Java_Shown_make(JNIEnv *env, jclass class, jstring kind)
{
    const char *text = (*env)->GetStringUTFChars(env, kind, NULL);

    (void)class;
    make(text);
    (*env)->ReleaseStringUTFChars(env, kind, text);
}

JNIEXPORT jstring JNICALL Java_Shown_show(JNIEnv *env, jclass class, jstring kind)
{
    const char *text = (*env)->GetStringUTFChars(env, kind, NULL);

    (void)class;
    shown_length = 0;
    shown_text[0] = 0;
    show(text);
    (*env)->ReleaseStringUTFChars(env, kind, text);
    return (*env)->NewStringUTF(env, shown_text);
}
