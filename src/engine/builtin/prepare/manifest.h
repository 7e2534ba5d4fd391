/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Writes manifest.json, next to an image.
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_MANIFEST_H
#define CKPT_ENGINE_BUILTIN_PREPARE_MANIFEST_H

#include <stdint.h>

#include "base/error.h"

/** Write the manifest of the image @id to @fd. 0 or -1. */
int ckpt_manifest_write(int fd, const uint8_t id[16], struct ckpt_error *error);

#endif
