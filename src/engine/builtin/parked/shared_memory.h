/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Shared memory that is mapped and not open: a restored process has it in memory files.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_SHARED_MEMORY_H
#define CKPT_ENGINE_BUILTIN_PARKED_SHARED_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"
#include "engine/builtin/parked/pages.h"

/** A mapping of such memory. */
struct ckpt_shared_part {
    uint64_t device, inode;
    uint64_t end;     /**< the offset of its end in the memory */
    const char *name; /**< for people: the last part of a path */
    bool is_file;     /**< it is a file: pages after its end cannot be read */
    bool swapped;     /**< some of it is swapped out */
    bool is_system_v;
    uint32_t huge; /**< the logarithm of the size of its huge pages; 0: it has none */
};

/** Add the memory of @part, or make it longer; *ret_index is its index in the table of objects. */
int ckpt_shared_memory_add(struct ckpt_gather *gather, const struct ckpt_shared_part *part,
                           uint32_t *ret_index, struct ckpt_error *error);

/** How much of that memory its mappings so far show; 0: none has been added. */
uint64_t ckpt_shared_memory_size(const struct ckpt_gather *gather, uint64_t device, uint64_t inode);

/** Called when all mappings are known: refuse segments of System V that others may use. */
void ckpt_shared_memory_check(struct ckpt_gather *gather);

/** Add runs for the content. Called while parked, after the runs of all mappings are known. */
int ckpt_shared_memory_gather(struct ckpt_gather *gather, struct ckpt_error *error);

#endif
