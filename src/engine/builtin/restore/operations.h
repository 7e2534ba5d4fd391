/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the restorer does to make the mappings of an image, as a list.
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
    bool may_collapse;    /**< huge pages are for those who ask for them */
    bool no_memory;
    /** What is mapped; what is copied when all is mapped; protections and advice, after that. */
    struct ckpt_op_list first, reads, lasts;
};

/** List everything that makes the mappings of the image of @restore. */
int ckpt_operations_make(const struct ckpt_restore *restore, struct ckpt_operations *ops,
                         struct ckpt_error *error);

/** How many there are. */
uint64_t ckpt_operations_count(const struct ckpt_operations *ops);

/** Write them to @to, in their order, and free the lists. */
void ckpt_operations_put(struct ckpt_operations *ops, struct ckpt_op *to);

#endif
