/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The number of processors of the machine, container or affinity mask that restores: what
 * Runtime.availableProcessors() returns, and the parallelism of the JDK's pools that follow it.
 */
#ifndef CKPT_HOTSPOT_PROCESSORS_H
#define CKPT_HOTSPOT_PROCESSORS_H

#include <jni.h>

/** Before a freeze: record how many processors the JVM sees, and which pools have that default. */
void ckpt_processors_prepare(JNIEnv *env);

/** In the restored process, before the hooks: let the JVM see the processors that it has here. */
void ckpt_processors_apply(JNIEnv *env);

#endif
