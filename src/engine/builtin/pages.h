/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which pages of a mapping go into the image.  With everyone parked only.
 */
#ifndef CKPT_ENGINE_BUILTIN_PAGES_H
#define CKPT_ENGINE_BUILTIN_PAGES_H

#include "engine/builtin/gather.h"

/**
 * Add the runs of @map to the table.
 * @param whole  every page counts as present (a mapping of the image this process was restored
 *        from)
 */
int ckpt_pages_gather(struct ckpt_gather *gather, const struct ckpt_image_map *map, bool whole,
                      struct ckpt_error *error);

#endif
