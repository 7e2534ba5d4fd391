/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The heap of this JVM and its collector.
 */
#ifndef CKPT_HOTSPOT_HEAP_H
#define CKPT_HOTSPOT_HEAP_H

#include <stdbool.h>

/** Find their structures, for parked/free_heap.h. Once, after ckpt_thread_list_find(). */
void ckpt_heap_find(void);

/** Whether this collector's free memory can be told at all. */
bool ckpt_heap_is_known(void);

#endif
