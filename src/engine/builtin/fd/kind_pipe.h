/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Tells a pipe to another process from one that a JVM has for itself, as the selectors of old JDKs.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KIND_PIPE_H
#define CKPT_ENGINE_BUILTIN_FD_KIND_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/parked/gather.h"
#include "image/view.h"

/**
 * In kind_version of pipes and named pipes: the content is packets (O_DIRECT), each of which one
 * call reads.
 */
#define CKPT_PIPE_PACKETS 2

/** Whether it is one end of a pipe whose other end is not in this process. */
bool ckpt_fd_is_pipe_to_elsewhere(const struct ckpt_live_fd *live);

/**
 * A descriptor of the other end of this pipe, or -1.  Usually it is the next number or the one
 * before, so the search goes in both directions from there: with thousands of pipes, searches from
 * 0 on would take seconds.  JVMs use low numbers without large gaps, so the search upwards stops
 * after 4096 unused numbers.
 */
int ckpt_fd_pipe_other_end(const struct ckpt_live_fd *live);

/** Save the size of a pipe, and its content if @with_content, in the bytes of @entry. */
int ckpt_fd_pipe_save(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                      bool with_content, struct ckpt_image_fd *entry, struct ckpt_error *error);

/** Whether ckpt_fd_pipe_save() has saved content in @entry. */
bool ckpt_fd_pipe_has_content(const struct ckpt_image_fd *entry);

/** Whether the bytes of @entry are what ckpt_fd_pipe_save() makes. */
bool ckpt_fd_pipe_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);

/** How many bytes were in the pipe. */
uint32_t ckpt_fd_pipe_used(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);

/** Set the size of a pipe whose descriptors are at their numbers, and write its content. */
int ckpt_fd_pipe_refill(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                        struct ckpt_error *error);

#endif
