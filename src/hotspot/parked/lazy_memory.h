/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Memory of the JVM's own, used in a way that is known, so that a restore may map it from the image
 * instead of copying it.
 */
#ifndef CKPT_HOTSPOT_PARKED_LAZY_MEMORY_H
#define CKPT_HOTSPOT_PARKED_LAZY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/parked_threads.h"
#include "base/range.h"

#define CKPT_LAZY_LIBRARIES_MAX 2
#define CKPT_LAZY_WORDS_MAX 512

/** Where it is; jvm_memory.c fills it in.  NULL: this JVM has no such thing, or it is not known. */
extern struct ckpt_lazy {
    struct ckpt_range libraries[CKPT_LAZY_LIBRARIES_MAX]; /**< libjvm and the agent's */
    size_t library_count;
    char *const *code_low, *const *code_high;       /**< the code cache */
    char *const *archive_low, *const *archive_high; /**< the archive of classes (CDS) */
    char *const *heap;                              /**< HotSpot's object that is the heap */
    size_t heap_words;                              /**< of it, where they lead to tables; or 0 */
    int64_t reserved_at, start_at, words_at;        /**< the reservation of the heap */
    char *const *barrier_set;                       /**< leads to the card table */
    int64_t card_table_at, cards_at, cards_size_at;
    char *const *first_loader; /**< of class loaders, whose classes are in metaspace */
    int64_t next_loader_at, classes_at;
    int64_t next_class_at, layout_at, constants_at; /**< in a class */
} ckpt_lazy;

/**
 * The memory, in any order.
 * @return how many ranges were written to @ret
 */
size_t ckpt_lazy_memory(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                        size_t room);

#endif
