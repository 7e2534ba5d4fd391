/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine that an image directory is for.
 */
#ifndef CKPT_CLI_IMAGE_ENGINE_H
#define CKPT_CLI_IMAGE_ENGINE_H

#include "engine/engine.h"

/**
 * The engine that made the image in @directory.
 * @param image  the image's name there; NULL: "image"
 * @return NULL with @error: there is no image, or none of an engine that this command has
 */
const struct ckpt_engine *ckpt_image_engine(const char *directory, const char *image,
                                            struct ckpt_error *error);

#endif
