/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds the engine for an image: the one that made it, whose name is in the image.
 */
#ifndef CKPT_CLI_IMAGE_ENGINE_H
#define CKPT_CLI_IMAGE_ENGINE_H

#include "engine/engine.h"

/**
 * The engine that made the image in @directory.
 * @param image  the image's file name in the directory; NULL: "image"
 * @return NULL with @error if there is no image, or it is of an engine that this command lacks
 */
const struct ckpt_engine *ckpt_image_engine(const char *directory, const char *image,
                                            struct ckpt_error *error);

#endif
