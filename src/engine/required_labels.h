/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a restore requires of an image's labels. Runs in the command; for every engine.
 */
#ifndef CKPT_ENGINE_REQUIRED_LABELS_H
#define CKPT_ENGINE_REQUIRED_LABELS_H

#include <stddef.h>

#include "base/error.h"

/**
 * Check that an image has all required labels. Call it before anything has an effect.
 * @param required  words KEY=VALUE, NULL after the last; or NULL: none
 * @param labels    the image's labels: words KEY=VALUE, each with a zero byte
 * @param size      of @labels in bytes; the last one is followed by a zero byte in any case
 * @return 0, or -1 with the first label that is missing, and those that the image has
 */
int ckpt_required_labels_check(char *const *required, const char *labels, size_t size,
                               struct ckpt_error *error);

#endif
