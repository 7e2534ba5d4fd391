/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Pools of the JDK whose parallelism is by default that of the machine: the common pool of
 * java.util.concurrent, and the scheduler of virtual threads.
 */
#ifndef CKPT_HOTSPOT_POOL_PARALLELISM_H
#define CKPT_HOTSPOT_POOL_PARALLELISM_H

#include <jni.h>
#include <stdint.h>

/** Before a freeze: find the pools that have the default parallelism for @processors. */
void ckpt_pools_prepare(JNIEnv *env, int32_t processors);

/** In the restored process: give these pools the default parallelism for @processors. */
void ckpt_pools_resize(JNIEnv *env, int32_t processors);

#endif
