/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Helpers for code that calls Java: exceptions, classes, text. They run on threads that are
 * attached to the JVM, while threads run.
 */
#ifndef CKPT_RUNTIME_JAVA_H
#define CKPT_RUNTIME_JAVA_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>

/** Clear the pending exception. @return whether there was one */
bool ckpt_java_clear(JNIEnv *env);

/**
 * Load a class of the JDK by a name such as "java.util.Random", without initialising it (JNI's
 * FindClass would).
 * @return a global reference; NULL: this JDK has no such class
 */
jclass ckpt_java_load(JNIEnv *env, const char *name);

/** One class, field or method to look up. */
struct ckpt_java_row {
    enum {
        CKPT_JAVA_CLASS,
        CKPT_JAVA_FIELD,
        CKPT_JAVA_STATIC_FIELD,
        CKPT_JAVA_METHOD,
        CKPT_JAVA_STATIC_METHOD,
    } kind;
    const char *name;      /**< of a class as in "java/util/Random" */
    const char *signature; /**< of a member */
    jclass *of;            /**< of a member: its class, which may be that of an earlier row */
    void *to;              /**< the jclass, jfieldID or jmethodID that gets it */
};

/**
 * Look up the rows in turn. Classes become local references, and are initialised as by FindClass.
 * @return false if one does not exist: then those after it are not looked up; no exception is
 *         pending
 */
bool ckpt_java_look_up(JNIEnv *env, const struct ckpt_java_row *rows, size_t count);

/** Whether a class is initialised. Looking up its fields by JNI would initialise it. */
bool ckpt_java_is_initialised(jclass class);

/**
 * Call @see for each class that is loaded, with a local reference that is deleted afterwards, and
 * its signature ("Ljava/util/Random;"), until it returns false.
 * @return false if JVMTI cannot list the classes
 */
bool ckpt_java_each_class(JNIEnv *env,
                          bool (*see)(JNIEnv *env, jclass class, char *signature, void *context),
                          void *context);

/** A malloc'd copy of the array, zero-terminated; NULL with an exception pending. */
char *ckpt_java_bytes(JNIEnv *env, jbyteArray array);

/** Add a text of any bytes to a java.util.List; false with an exception pending. */
bool ckpt_java_add(JNIEnv *env, jobject list, const char *text);

/** Throw an OutOfMemoryError. The native method must then return at once. */
void ckpt_java_throw_out_of_memory(JNIEnv *env);

#endif
