/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The restorer's operations that create the mappings of an image, as a list.
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_OPERATIONS_H
#define CKPT_ENGINE_BUILTIN_RESTORE_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "engine/builtin/restore/restore.h"
#include "engine/builtin/restorer/restorer_plan.h"

struct ckpt_op_list {
    struct ckpt_op *ops;
    size_t count, capacity;
};

struct ckpt_operations {
    const struct ckpt_restore *restore;
    bool exec_from_image; /**< the image's file system allows executable mappings */
    bool may_collapse;    /**< huge pages are set to madvise, and there is a large run to copy */
    bool out_of_memory;
    /** Mappings and what must precede the reads; reads; protections, advice and locks. */
    struct ckpt_op_list before_reads, reads, after_reads;
};

/** List the operations for the image of @restore. */
int ckpt_operations_make(const struct ckpt_restore *restore, struct ckpt_operations *ops,
                         struct ckpt_error *error);

/** The number of operations. */
uint64_t ckpt_operations_count(const struct ckpt_operations *ops);

/** Write the operations to @to, in order, and free the lists. */
void ckpt_operations_write(struct ckpt_operations *ops, struct ckpt_op *to);

#endif
