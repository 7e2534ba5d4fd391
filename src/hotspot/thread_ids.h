/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What HotSpot remembers about the process and its threads that a restore changes: the TID that it
 * keeps for every thread, and the hsperfdata file that has the PID for its name.
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

/**
 * Remove the files that have this process's PID for a name: hsperfdata and the attach mechanism's
 * socket.  Safe among the parked.
 */
void ckpt_vmthread_unlink_files(void);

/**
 * Look for the JVM's own hsperfdata, for ckpt_vmthread_unlink_files().
 * @return where it is mapped; 0 if it is no shared memory, or there is none
 */
uint64_t ckpt_vmthread_find_perf(void);

#endif
