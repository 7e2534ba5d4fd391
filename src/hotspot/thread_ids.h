/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot stores the TID of each of its threads, and a restore changes it. This finds where.
 */
#ifndef CKPT_HOTSPOT_THREAD_IDS_H
#define CKPT_HOTSPOT_THREAD_IDS_H

#include <jni.h>
#include <stdint.h>

/** Find the structures. Call once. */
void ckpt_thread_ids_init(JNIEnv *env);

/**
 * Where HotSpot stores the calling thread's TID (OSThread::_thread_id); NULL: not a thread of the
 * JVM. Safe in a signal handler.
 */
uint32_t *ckpt_thread_ids_current(void);

#endif
