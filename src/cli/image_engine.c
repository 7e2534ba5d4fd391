/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See image_engine.h. Runs in the command.
 */
#include "cli/image_engine.h"

#include "image/source.h"

const struct ckpt_engine *ckpt_image_engine(const char *directory, const char *image,
                                            struct ckpt_error *error)
{
    char name[16];

    return ckpt_image_engine_name(directory, image ? image : CKPT_IMAGE_NAME, name, error) < 0
               ? NULL
               : ckpt_engine_find(name, error);
}
