/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Puts an image into a file.  Runs in a parked process: see base/raw.h for what that forbids.
 *
 * The caller gathers tables in a `struct ckpt_tables` (memory from its scratch space), then
 * ckpt_image_write() gives every run its place and writes metadata and pages.
 */
#ifndef CKPT_IMAGE_WRITER_H
#define CKPT_IMAGE_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/scratch.h"
#include "image/format.h"

/** Registers as a debugger wants them, one a thread, in the order of `threads`. */
struct ckpt_core_thread {
    uint64_t registers[27]; /**< struct user_regs_struct */
    const void *fp;         /**< 512 bytes of FXSAVE, NULL if not known */
    const void *xstate;     /**< NULL, or `xstate_size` bytes of XSAVE */
    uint32_t xstate_size;
    uint32_t reserved;
};

/** Where the pages of some runs are, other than in memory at the runs' addresses. */
struct ckpt_source {
    uint32_t first_run, run_count;
    int fd;           /**< they are there, at the runs' addresses; -1: see path */
    const char *path; /**< a regular file to be opened for reading */
    bool link;        /**< the path may be a link */
    uint64_t inode;   /**< of that file; if it is another one by now, the image is not written */
};

/** All that goes into an image.  Arrays grow in scratch space by ckpt_tables_add_*(). */
struct ckpt_tables {
    struct ckpt_scratch *scratch;
    struct ckpt_image_header header;
    struct ckpt_image_process process;
    struct ckpt_array files, maps, shared, runs, threads, fds, pool;
    struct ckpt_array sources; /**< struct ckpt_source, ascending by run; not in the image */
    struct ckpt_image_signal signals[64];
    struct ckpt_core_thread *core_threads;
    uint64_t data_start; /* set by the layout */
};

/** Prepare empty tables. 0, or -1 when scratch space is short. */
int ckpt_tables_init(struct ckpt_tables *tables, struct ckpt_scratch *scratch,
                     struct ckpt_error *error);

/** Copy bytes into the pool, with a zero byte behind. */
int ckpt_tables_pool(struct ckpt_tables *tables, const void *data, size_t size,
                     struct ckpt_ref *ret_ref, struct ckpt_error *error);

/** Text in the pool. */
const char *ckpt_tables_text(const struct ckpt_tables *tables, struct ckpt_ref ref);

/** Called now and then while pages are written; may be NULL. */
typedef void ckpt_progress_fn(void *context, uint64_t done, uint64_t total);

/**
 * Lay out and write the image to @fd, which is empty and positioned anywhere.
 * Run addresses are read from this process, those of tables->sources from there.
 * @return 0, or -1 with the reason (ENOSPC, EIO, ...); the file is then to be thrown away.
 */
int ckpt_image_write(struct ckpt_tables *tables, int fd, ckpt_progress_fn *progress, void *context,
                     struct ckpt_error *error);

#endif
