/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the memory of the JVM that a restore may map lazily, and reduces the memory that a restore
 * copies.
 */
#ifndef CKPT_HOTSPOT_JVM_MEMORY_H
#define CKPT_HOTSPOT_JVM_MEMORY_H

/** Find the structures for parked/lazy_memory.h. Call once. */
void ckpt_jvm_memory_find(void);

/**
 * Make glibc return the free memory of its arenas to the kernel, so that a restore does not copy
 * it. Has no effect on other allocators. Call it only while no thread is parked.
 */
void ckpt_jvm_memory_trim(void);

#endif
