// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A native library of Java programs (Unpacked.java): it counts in its own memory, through a pointer
// that the linker had to relocate, and reads a constant from a page that is never written.
// Built with a segment that has no pages in the file, as linkers with large pages do.

#include <jni.h>

static int counter = 1000;
static int *volatile pointer = &counter;
static const char text[8192] = "constant";

JNIEXPORT jint JNICALL Java_Unpacked_next(JNIEnv *env, jclass owner)
{
    const volatile char *constant = text;

    (void)env;
    (void)owner;
    *pointer += constant[3] == 's' && constant[8191] == '\0';
    return counter;
}
