/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The JVM's own memory: where it is, and what of it is not needed.
 */
#ifndef CKPT_HOTSPOT_JVM_MEMORY_H
#define CKPT_HOTSPOT_JVM_MEMORY_H

/** Find it, for parked/lazy_memory.h.  Once. */
void ckpt_lazy_find(void);

/**
 * Let glibc give back the free memory in its arenas: what a restore copies should be in use.  Of
 * another allocator's memory it knows nothing, and does nothing.  With no thread parked.
 */
void ckpt_lazy_trim(void);

#endif
