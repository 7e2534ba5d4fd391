/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * All that goes into an image, while it is gathered.  Runs in a parked process: memory comes from
 * the caller's scratch space.
 */
#ifndef CKPT_IMAGE_TABLES_H
#define CKPT_IMAGE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/scratch.h"
#include "image/format.h"

/** Where a thread's registers are, for debuggers: one a thread, in the order of `threads`. */
struct ckpt_core_thread {
    const ucontext_t *frame; /**< or NULL */
    const struct ckpt_arch_context *context;
    const struct ckpt_arch_thread *thread;
};

/** A file in which the pages of some runs are, at the runs' addresses, and not in memory. */
struct ckpt_page_file {
    uint32_t first_run, run_count;
    int fd;           /**< -1: see path */
    const char *path; /**< a regular file to be opened for reading */
    bool link;        /**< the path may be a link */
    uint64_t inode;   /**< of that file; if it is another one by now, the image is not written */
};

struct ckpt_tables {
    struct ckpt_scratch *scratch;
    struct ckpt_image_header header;
    struct ckpt_image_process process;
    struct ckpt_image_kernel kernel;
    struct ckpt_image_agent agent;
    struct ckpt_arch_cpu cpu;
    struct ckpt_array files, maps, shared, runs, threads, fds, pool;
    struct ckpt_image_signal signals[64];
    /* These are not in the image: */
    struct ckpt_array page_files; /**< struct ckpt_page_file, ascending by run */
    struct ckpt_core_thread *core_threads;
    uint64_t file_start, file_end; /**< memory that is of a file, whatever its maps say */
};

/** Prepare empty tables. 0, or -1 when scratch space is short. */
int ckpt_tables_init(struct ckpt_tables *tables, struct ckpt_scratch *scratch,
                     struct ckpt_error *error);

/** Copy bytes into the pool, with a zero byte behind. */
int ckpt_tables_pool(struct ckpt_tables *tables, const void *data, size_t size,
                     struct ckpt_ref *ret_ref, struct ckpt_error *error);

/** Text in the pool. */
const char *ckpt_tables_text(const struct ckpt_tables *tables, struct ckpt_ref ref);

#endif
