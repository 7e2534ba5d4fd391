/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A view of an image: typed tables in the metadata that was read from it. parse.c makes it, and
 * checks every index, reference and range in it.
 */
#ifndef CKPT_IMAGE_VIEW_H
#define CKPT_IMAGE_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "image/format.h"

struct ckpt_image_view {
    const void *metadata; /**< header->meta_size bytes */
    void *converted; /**< another release's tables, converted to this one's structures; or NULL */
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
    const struct ckpt_arch_sigaction *signals; /**< 64 entries */
    const char *pool;
    const void *cpu;
    size_t file_count, map_count, shared_count, run_count, thread_count, fd_count, pool_size;
    size_t cpu_size;
};

/** Text or bytes in the pool. */
static inline const char *ckpt_view_text(const struct ckpt_image_view *view, struct ckpt_ref ref)
{
    return view->pool + ref.offset;
}

#endif
