/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where HotSpot lists its Java threads.
 */
#ifndef CKPT_HOTSPOT_THREAD_LIST_H
#define CKPT_HOTSPOT_THREAD_LIST_H

/** Find it, for parked/java_threads.h.  Once. */
void ckpt_thread_list_find(void);

#endif
