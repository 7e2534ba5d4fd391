/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A checked look at an image: typed tables over the metadata read from it.  Made by parse.c, after
 * which every index, reference and range in it may be relied upon.
 */
#ifndef CKPT_IMAGE_VIEW_H
#define CKPT_IMAGE_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "image/format.h"

struct ckpt_image_view {
    const void *metadata; /**< header->meta_size bytes */
    void *converted;      /**< tables of other checkpointers, made as this one has them; or NULL */
    const struct ckpt_image_header *header;
    const struct ckpt_image_process *process;
    const struct ckpt_image_kernel *kernel;
    const struct ckpt_image_agent *agent;
    const struct ckpt_image_file *files;
    const struct ckpt_image_map *maps;
    const struct ckpt_image_shared *shared;
    const struct ckpt_image_run *runs;
    const struct ckpt_image_thread *threads;
    const struct ckpt_image_fd *fds;
    const struct ckpt_image_signal *signals; /**< 64 */
    const char *pool;
    const void *cpu;
    size_t file_count, map_count, shared_count, run_count, thread_count, fd_count, pool_size;
    size_t cpu_size;
};

/** Text or bytes of the pool. */
static inline const char *ckpt_view_text(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    return view->pool + ref.offset;
}

#endif
