/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot stores the TID of each of its threads, and a restore changes it. This file finds where
 * HotSpot stores it.
 */
#ifndef CKPT_HOTSPOT_THREAD_IDS_H
#define CKPT_HOTSPOT_THREAD_IDS_H

#include <jni.h>

/**
 * Find the place, for parked/os_thread.h. Call it once, on a Java thread, after
 * ckpt_thread_list_find().
 */
void ckpt_thread_ids_find(JNIEnv *env);

#endif
