/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What HotSpot remembers about its threads that a restore changes: the TID that it keeps for every
 * thread.
 */
#ifndef CKPT_HOTSPOT_THREAD_IDS_H
#define CKPT_HOTSPOT_THREAD_IDS_H

#include <jni.h>
#include <stdint.h>

/** Find the structures. Once. */
void ckpt_vmthread_init(JNIEnv *env);

/**
 * Where HotSpot keeps the calling thread's TID (OSThread::_thread_id), NULL for a thread that is
 * not the JVM's.  Safe in a signal handler.
 */
uint32_t *ckpt_vmthread_tid(void);

#endif
