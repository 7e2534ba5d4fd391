/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which pages of a mapping go into the image.  Only for use while all threads are parked.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_PAGES_H
#define CKPT_ENGINE_BUILTIN_PARKED_PAGES_H

#include "engine/builtin/parked/gather.h"

enum ckpt_pages_mode {
    CKPT_PAGES_PRIVATE, /**< those that are private to the process according to the page tables */
    CKPT_PAGES_WHOLE,   /**< all, as of mappings of the image that this process was restored from */
    CKPT_PAGES_READABLE, /**< all except those after the end of the file: a deleted file */
    CKPT_PAGES_FILE,     /**< like READABLE, for a file that may be truncated meanwhile */
    CKPT_PAGES_RESIDENT, /**< those that exist: shared anonymous memory */
    CKPT_PAGES_GUARDS,   /**< only guard pages, because the content is in a file */
};

/** Change the protection of memory of the process. */
int ckpt_pages_protect(uint64_t start, uint64_t end, uint32_t prot, struct ckpt_error *error);

/**
 * Whether a page that the kernel reports as swapped, and that may be read, is a guard page.
 * @return 1 it is, 0 it is not, -1 with @error if that cannot be found out
 */
int ckpt_pages_is_guard(uint64_t page, struct ckpt_error *error);

/**
 * Add the runs of @map to the table.
 * @param first_run  runs of @map may extend a run from this index on: one of @map itself, or of the
 *                   mapping before it, if the two are joined
 */
int ckpt_pages_gather(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                      enum ckpt_pages_mode how, uint32_t first_run, struct ckpt_error *error);

/**
 * Called when all runs are known, to choose which of them a restore maps.  Lazy runs that are too
 * short become runs to be copied, and so do longer ones if there would be too many mappings.
 */
void ckpt_pages_choose_lazy(struct ckpt_tables *tables);

#endif
