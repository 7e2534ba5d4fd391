/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer inspect: what its two ways of showing an image have in common.  cmd_inspect.c asks
 * the engine for a description, inspect_text.c writes it for people, inspect_json.c for programs.
 *
 * The image may be anyone's: its texts go to a terminal only through inspect_text.c's show().
 */
#ifndef CKPT_CLI_INSPECT_H
#define CKPT_CLI_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/description.h"

/** What is known of the manifest next to an image. */
enum ckpt_manifest_state {
    CKPT_MANIFEST_BELONGS,
    CKPT_MANIFEST_OTHER, /**< its id is another image's */
    CKPT_MANIFEST_MISSING,
    CKPT_MANIFEST_DAMAGED, /**< not JSON, or not an object with an id */
};

struct ckpt_inspection {
    const char *directory;
    struct ckpt_description image;
    enum ckpt_manifest_state manifest_state;
    const char *kernel; /**< from a manifest that belongs to the image, or NULL */
};

/** Write to stdout; -1 if that failed. */
int ckpt_inspect_text(const struct ckpt_inspection *inspection);
int ckpt_inspect_json(const struct ckpt_inspection *inspection);

/** A moment as "2026-01-31T12:34:56Z". */
void ckpt_inspect_moment(int64_t seconds, char *text, size_t size);

/** "r-x" */
void ckpt_inspect_protection(const struct ckpt_described_mapping *mapping, char text[4]);

#endif
