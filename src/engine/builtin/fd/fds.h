/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The interface of this folder: functions for all descriptors of a process.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_FDS_H
#define CKPT_ENGINE_BUILTIN_FD_FDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/kind.h"

/* ---- in the JVM ---- */

/**
 * Call on_load() of each kind that has one. The agent calls this when it is loaded; only the first
 * call has an effect.
 */
void ckpt_fds_on_load(void);

/** Fill in the tables of descriptors and of shared objects. Refusals go to the report. */
int ckpt_fds_gather(struct ckpt_gather *gather, struct ckpt_error *error);

/** Add the runs that descriptors need. Called after ckpt_memory_gather(), whose runs are first. */
int ckpt_fds_gather_content(struct ckpt_gather *gather, struct ckpt_error *error);

/** When the image is complete and the process is about to end. */
void ckpt_fds_ending(const struct ckpt_tables *tables);

/** In the restored process, while all threads are parked. */
void ckpt_fds_restored(const struct ckpt_park *park);

/* ---- in the command ---- */

/** The largest number of descriptors that ckpt_fds_thaw() keeps at numbers above the image's. */
uint64_t ckpt_fds_max_aside(const struct ckpt_image_view *image, bool rehearsal);

/**
 * Open all descriptors of an image at their numbers in this process, and close all others from 3 on
 * except those at or above thaw->first_own_fd.
 */
int ckpt_fds_thaw(struct ckpt_fd_thaw *thaw, struct ckpt_error *error);

#endif
