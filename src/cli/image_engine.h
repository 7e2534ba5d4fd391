/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the engine that made an image, by its name in the image.
 */
#ifndef CKPT_CLI_IMAGE_ENGINE_H
#define CKPT_CLI_IMAGE_ENGINE_H

#include "engine/engine.h"

/**
 * The engine that made the image in @directory.
 * @param image  the image's file name in the directory; NULL: "image"
 * @return NULL with @error if there is no image, or this command lacks the engine that made it
 */
const struct ckpt_engine *ckpt_image_engine(const char *directory, const char *image,
                                            struct ckpt_error *error);

#endif
