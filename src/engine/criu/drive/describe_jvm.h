/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the image's document says of the JVM, as the driver sees it from outside.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_DESCRIBE_JVM_H
#define CKPT_ENGINE_CRIU_DRIVE_DESCRIBE_JVM_H

#include <jansson.h>

#include "engine/criu/drive/take_offer.h"
#include "engine/engine.h"
#include "image/format.h"

/** The document without what criu has done. @ret_header: without id, sizes and checksum. */
json_t *ckpt_criu_describe_jvm(const struct ckpt_freeze_request *request,
                               const struct ckpt_jvm_offer *offer,
                               struct ckpt_image_header *ret_header);

/** The manifest, without the id. */
json_t *ckpt_criu_describe_manifest(const json_t *document, const struct ckpt_image_header *header);

#endif
