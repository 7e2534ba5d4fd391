// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Settings: prctl(2) of the calling thread.

#include <jni.h>
#include <sys/prctl.h>

JNIEXPORT jlong JNICALL Java_Settings_call(JNIEnv *env, jclass class, jint option, jlong a, jlong b)
{
    (void)env;
    (void)class;
    return prctl(option, a, b, 0L, 0L);
}

// An option that writes its value to an address.
JNIEXPORT jint JNICALL Java_Settings_ask(JNIEnv *env, jclass class, jint option)
{
    int answer = -1;

    (void)env;
    (void)class;
    return prctl(option, &answer, 0L, 0L, 0L) < 0 ? -1 : answer;
}
