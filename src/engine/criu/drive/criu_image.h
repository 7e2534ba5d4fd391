/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * An image of this engine, as a restore and `inspect` read it.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_CRIU_IMAGE_H
#define CKPT_ENGINE_CRIU_DRIVE_CRIU_IMAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "engine/criu/command/criu.h"
#include "image/format.h"

struct ckpt_criu_image {
    struct ckpt_image_header header;
    json_t *document;
    int folder; /**< criu's files; read-locked, so that no checkpoint removes them */
};

/** Open it. @trusted: for a restore; refuses what another user could have written. */
int ckpt_criu_image_open(const char *directory, bool trusted, struct ckpt_criu_image *ret,
                         struct ckpt_error *error);

void ckpt_criu_image_close(struct ckpt_criu_image *image);

/** Whether this machine and user could restore it, except for what only criu can tell. */
int ckpt_criu_image_check(const struct ckpt_criu_image *image, struct ckpt_error *error);

/**
 * Whether the files that the JVM had open or mapped are there as criu needs them.
 * @param allow_changed  accept changed files that the JVM had for writing
 * @param options        criu's own, NULL: none
 */
int ckpt_criu_image_open_files(const struct ckpt_criu_image *image, bool allow_changed,
                               char *const *options, struct ckpt_error *error);

/** A text of the document; "" if it has none. */
const char *ckpt_criu_image_text(const struct ckpt_criu_image *image, const char *key);

/** Check criu's files and ours next to them. */
int ckpt_criu_image_verify(const struct ckpt_criu_image *image, enum ckpt_criu_files_checks checks,
                           struct ckpt_error *error);

#endif
