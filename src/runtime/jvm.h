/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The JVM that the agent runs in: its handles, properties, and attaching threads. They are set when
 * the agent is loaded and only read afterwards. Only ordinary code uses them.
 */
#ifndef CKPT_RUNTIME_JVM_H
#define CKPT_RUNTIME_JVM_H

#include <jni.h>
#include <jvmti.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ckpt_jvm {
    JavaVM *vm;        /**< NULL: the agent is not loaded yet */
    jvmtiEnv *jvmti;   /**< without any capability */
    char version[256]; /**< "OpenJDK 64-Bit Server VM 17.0.15+6 (Debian)" */
};

extern struct ckpt_jvm ckpt_jvm;

/** Get the handles. Returns 0, or -1: this JVM has no tool interface. */
int ckpt_jvm_open(JavaVM *vm, struct ckpt_error *error);

/** Fill in the version. Call when the JVM has set its properties. */
void ckpt_jvm_describe(void);

/**
 * The value that a system property had at the start of the JVM; Java code cannot change it.
 * @return false: no such property
 */
bool ckpt_jvm_property(const char *name, char *ret_value, size_t size);

/** The calling thread's JNI environment; NULL: the thread is not attached. */
JNIEnv *ckpt_jvm_env(void);

/**
 * Attach the calling thread to the JVM under this name. The thread is no daemon: the JVM does not
 * end while it is attached.
 * @return NULL: the JVM refused
 */
JNIEnv *ckpt_jvm_attach(const char *name);

/** Attach the calling thread as a daemon: the JVM can end while it is attached. */
JNIEnv *ckpt_jvm_attach_daemon(const char *name);

/** Detach the calling thread. */
void ckpt_jvm_detach(void);

#endif
