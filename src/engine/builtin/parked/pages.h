/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which pages of a mapping go into the image.  With everyone parked only.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_PAGES_H
#define CKPT_ENGINE_BUILTIN_PARKED_PAGES_H

#include "engine/builtin/parked/gather.h"

enum ckpt_pages_how {
    CKPT_PAGES_PRIVATE,  /**< those that are private to the process, as the page tables say */
    CKPT_PAGES_WHOLE,    /**< all: a mapping of the image that this process was restored from */
    CKPT_PAGES_READABLE, /**< all but those after the end of the file: a file that was deleted */
    CKPT_PAGES_FILE,     /**< the same of a file that another process may cut short meanwhile */
    CKPT_PAGES_RESIDENT, /**< those that exist: shared anonymous memory */
    CKPT_PAGES_GUARDS,   /**< guard pages only: the content is elsewhere */
};

/** Give memory of the process another protection. */
int ckpt_pages_protect(uint64_t start, uint64_t end, uint32_t prot, struct ckpt_error *error);

/**
 * Whether a page that the kernel calls swapped, and that may be read, is a guard page.
 * @return 1 it is, 0 it is not, -1 with @error if the kernel does not tell
 */
int ckpt_pages_is_guard(uint64_t page, struct ckpt_error *error);

/**
 * Add the runs of @map to the table.
 * @param first_run  the first run that one of @map's may continue: the map before may be joined
 */
int ckpt_pages_gather(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                      enum ckpt_pages_how how, uint32_t first_run, struct ckpt_error *error);

/**
 * When all runs are known: which of them a restore may map.  Lazy runs that are too short become
 * runs to be copied, and so do longer ones where there would be too many mappings.
 */
void ckpt_pages_choose_lazy(struct ckpt_tables *tables);

#endif
