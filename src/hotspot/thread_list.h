/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds HotSpot's list of Java threads.
 */
#ifndef CKPT_HOTSPOT_THREAD_LIST_H
#define CKPT_HOTSPOT_THREAD_LIST_H

/** Find the structures for parked/java_threads.h. Call once. */
void ckpt_thread_list_find(void);

#endif
