/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The JVM that the agent is in: its handles, what it says about itself, and how a thread comes in.
 * Set when the agent is loaded, only read afterwards.  For ordinary code.
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

/** Take the handles.  0, or -1: this JVM has no tool interface. */
int ckpt_jvm_open(JavaVM *vm, struct ckpt_error *error);

/** Fill in the version, when the JVM knows its properties. */
void ckpt_jvm_describe(void);

/** The JVM's own value of a system property, which Java code cannot change; false: it has none. */
bool ckpt_jvm_property(const char *name, char *ret_value, size_t size);

/** The calling thread's way into the JVM; NULL: the JVM does not know the thread. */
JNIEnv *ckpt_jvm_env(void);

/**
 * Make the calling thread known to the JVM under this name.  Not as a daemon: the JVM does not end
 * while the thread is attached.  NULL: the JVM does not take it.
 */
JNIEnv *ckpt_jvm_attach(const char *name);

/** The same for a thread that the JVM's end need not wait for. */
JNIEnv *ckpt_jvm_attach_daemon(const char *name);

/** The opposite of both. */
void ckpt_jvm_detach(void);

#endif
