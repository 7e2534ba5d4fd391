/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds memory that the JVM uses in a known way, so that a restore may map it from the image
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

/**
 * The JVM's structures; set by jvm_memory.c. NULL: this JVM does not have the structure, or it was
 * not found.
 */
extern struct ckpt_lazy_memory {
    /** data of libjvm and of the agent's library */
    struct ckpt_range libraries[CKPT_LAZY_LIBRARIES_MAX];
    size_t library_count;
    char *const *code_low, *const *code_high;       /**< bounds of the code cache */
    char *const *archive_low, *const *archive_high; /**< bounds of the archive of classes (CDS) */
    char *const *heap;                              /**< the C++ object of the heap */
    /** size of that object, if it has pointers to tables; else 0 */
    size_t heap_words;
    int64_t reserved_at, start_at, words_at; /**< offsets for the reserved range of the heap */
    char *const *barrier_set;                /**< the object that has a pointer to the card table */
    int64_t card_table_at, cards_at, cards_size_at;
    char *const *first_loader; /**< the first class loader in their list; they have the classes */
    int64_t next_loader_at, classes_at;
    int64_t next_class_at, layout_at, constants_at; /**< offsets in a class */
} ckpt_lazy_memory;

/**
 * Find the memory, in any order.
 * @return how many ranges were written to @ret
 */
size_t ckpt_lazy_memory_find(const struct ckpt_parked_threads *threads, struct ckpt_range *ret,
                             size_t room);

#endif
