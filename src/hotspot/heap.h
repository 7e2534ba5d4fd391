/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the structures of this JVM's heap, for the code that runs while parked.
 */
#ifndef CKPT_HOTSPOT_HEAP_H
#define CKPT_HOTSPOT_HEAP_H

#include <stdbool.h>

/** Find the structures for parked/free_heap.h. Call once, after ckpt_thread_list_find(). */
void ckpt_heap_find(void);

/** Whether the free memory of this JVM's collector can be found. */
bool ckpt_heap_is_known(void);

#endif
