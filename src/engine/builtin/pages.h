/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which pages of a mapping go into the image.  With everyone parked only.
 */
#ifndef CKPT_ENGINE_BUILTIN_PAGES_H
#define CKPT_ENGINE_BUILTIN_PAGES_H

#include "engine/builtin/gather.h"

enum ckpt_pages {
    CKPT_PAGES_PRIVATE,  /**< those that are the process's own */
    CKPT_PAGES_ALL,      /**< all: a mapping of the image that this process was restored from */
    CKPT_PAGES_READABLE, /**< all but those after the end of the file: a file that was deleted */
};

/** Add the runs of @map to the table. */
int ckpt_pages_gather(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                      enum ckpt_pages which, struct ckpt_error *error);

#endif
