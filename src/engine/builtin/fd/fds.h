/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * All descriptors of a process: what the rest of the engine calls.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_FDS_H
#define CKPT_ENGINE_BUILTIN_FD_FDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"

/* ---- in the JVM ---- */

/** When the agent is loaded. Only the first call does anything. */
void ckpt_fds_note(void);

/** Fill in fds and shared objects. Refusals go to the report. */
int ckpt_fds_gather(struct ckpt_gather *gather, struct ckpt_error *error);

/** Add the runs that descriptors need; after ckpt_memory_gather(), whose runs come first. */
int ckpt_fds_gather_content(struct ckpt_gather *gather, struct ckpt_error *error);

/** In the restored process, with all threads back and none released. */
void ckpt_fds_restored(const struct ckpt_park *park);

/* ---- in the command ---- */

/** How many descriptors ckpt_fds_thaw() keeps aside at most, at numbers above the image's. */
uint64_t ckpt_fds_aside(const struct ckpt_image_view *image, bool rehearsal);

/**
 * Open all descriptors of an image at their numbers in this process, close all others from 3 on but
 * those at or above thaw->first_own_fd.
 */
int ckpt_fds_thaw(struct ckpt_fd_thaw *thaw, struct ckpt_error *error);

#endif
