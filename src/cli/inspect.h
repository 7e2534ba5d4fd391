/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer inspect. cmd_inspect.c gets a description of the image from its engine;
 * inspect_text.c prints it for people, inspect_json.c for programs.
 *
 * Any user may have made the image: its texts are printed to a terminal only by show() of
 * inspect_text.c.
 */
#ifndef CKPT_CLI_INSPECT_H
#define CKPT_CLI_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/description.h"

/** The state of the manifest next to an image. */
enum ckpt_manifest_state {
    CKPT_MANIFEST_BELONGS,
    CKPT_MANIFEST_OTHER, /**< the manifest has the id of another image */
    CKPT_MANIFEST_MISSING,
    CKPT_MANIFEST_DAMAGED, /**< not JSON, or not an object with an id */
};

struct ckpt_inspection {
    const char *directory;
    struct ckpt_description image;
    enum ckpt_manifest_state manifest_state;
    const char *kernel; /**< from a manifest that belongs to the image, or NULL */
};

/** Print to standard output; -1 if that failed. */
int ckpt_inspect_text(const struct ckpt_inspection *inspection);
int ckpt_inspect_json(const struct ckpt_inspection *inspection);

/** A time as "2026-01-31T12:34:56Z". */
void ckpt_inspect_time(int64_t seconds, char *text, size_t size);

/** The protection of a mapping, as "r-x". */
void ckpt_inspect_protection(const struct ckpt_described_mapping *mapping, char text[4]);

#endif
