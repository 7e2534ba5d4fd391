/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Kernel objects that are in no image, whether a descriptor or a mapping shows them.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_REFUSED_OBJECTS_H
#define CKPT_ENGINE_BUILTIN_PARKED_REFUSED_OBJECTS_H

#include <stdint.h>

#include "engine/builtin/parked/gather.h"
#include "engine/support.h"

struct ckpt_refused_object {
    const char *link;     /**< its name in /proc; NULL: any name */
    uint32_t file_system; /**< the magic number; 0: any */
    const char *what;     /**< for the report */
    const char *remedy;   /**< NULL: to close it, which a rule can do, too */
    struct ckpt_support support;
};

/** All of them; the last one has no `what`. */
extern const struct ckpt_refused_object ckpt_refused_objects[];

/**
 * The row of the object with this name in /proc, or NULL.
 * @param file_system  the magic number of a descriptor's; 0 for a mapping, where it is not known
 */
const struct ckpt_refused_object *ckpt_refused_object_find(const char *link, uint32_t file_system);

/**
 * Add the obstacle to the report, once in a walk, or for each descriptor if a rule may close it.
 * @param number  of the descriptor; -1: it is a mapping
 */
void ckpt_refused_object_report(struct ckpt_gather *gather,
                                const struct ckpt_refused_object *object, int number);

#endif
