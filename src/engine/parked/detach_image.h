/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Makes a restored process independent of the image that it maps: private mappings of it become
 * anonymous memory with the same content. An image by another engine than the built-in one would
 * otherwise need ours.
 */
#ifndef CKPT_ENGINE_PARKED_DETACH_IMAGE_H
#define CKPT_ENGINE_PARKED_DETACH_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/** A file, as /proc/self/maps shows it; inode 0: none. */
struct ckpt_mapped_file {
    uint64_t device, inode;
};

/**
 * The file of the agent's library, if it is deleted, as checkpointer.jar does after loading it:
 * CRIU keeps deleted files, but only up to a limit (1 MiB by default), and the library is larger.
 * On any thread, also while the others run.
 */
struct ckpt_mapped_file ckpt_detach_find_library(void);

/**
 * While all other threads are parked: replace all private mappings of @image, which the process was
 * restored from, and of the agent's library, if that is deleted.
 * @return 0, or -1 with @error: some mappings are still those of a file, with the same content
 */
int ckpt_detach_files(struct ckpt_mapped_file image, struct ckpt_error *error);

#endif
