/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Describes the content of an image: describe() of the built-in engine.
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_DESCRIBE_IMAGE_H
#define CKPT_ENGINE_BUILTIN_RESTORE_DESCRIBE_IMAGE_H

#include <stdbool.h>

#include "engine/description.h"

/** See engine.h, describe(). */
int ckpt_describe_image(const char *directory, bool verify,
                        struct ckpt_description *ret_description, struct ckpt_error *error);

#endif
