/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Collects the metadata of an image. Runs while all threads are parked: memory comes from the
 * caller's scratch space.
 */
#ifndef CKPT_IMAGE_TABLES_H
#define CKPT_IMAGE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/scratch.h"
#include "image/format.h"

/** Where the registers of a thread are, for debuggers; in the order of `threads`. */
struct ckpt_core_thread {
    const ucontext_t *frame; /**< the thread's frame, or NULL */
    const struct ckpt_arch_context *context;
    const struct ckpt_arch_thread *thread;
};

/** A file that has the pages of some runs, instead of memory; run addresses are its offsets. */
struct ckpt_page_file {
    uint32_t first_run, run_count;
    int fd;           /**< an open descriptor; -1: the writer opens `path` */
    const char *path; /**< a regular file to be opened for reading */
    bool link;        /**< `path` may be a symbolic link */
    /** inode of the file; if `path` now has another inode, writing the image fails */
    uint64_t inode;
    bool is_memory; /**< it is /proc/self/mem: `inode` does not count */
    uint64_t delta; /**< its offset for a run is the address of that plus this */
};

/** Bytes that are in the image in place of those in memory; within one page. */
struct ckpt_replaced_code {
    uint64_t address;
    uint32_t size;
    uint8_t bytes[CKPT_ARCH_BREAKPOINT_MAX];
};

struct ckpt_tables {
    struct ckpt_scratch *scratch;
    struct ckpt_image_header header;
    struct ckpt_image_process process;
    struct ckpt_image_kernel kernel;
    struct ckpt_image_agent agent;
    struct ckpt_arch_cpu cpu;
    struct ckpt_array files, maps, shared, runs, threads, fds, pool;
    struct ckpt_arch_sigaction signals[64];
    /* The following fields are not written to the image. */
    struct ckpt_array page_files; /**< struct ckpt_page_file, ascending by run */
    struct ckpt_array replaced;   /**< struct ckpt_replaced_code, ascending */
    struct ckpt_core_thread *core_threads;
    /**
     * memory whose pages the writer reads as carefully as those of a mapped file, whatever its kind
     */
    uint64_t file_start, file_end;
};

/** Make empty tables. Returns 0, or -1: not enough scratch space. */
int ckpt_tables_init(struct ckpt_tables *tables, struct ckpt_scratch *scratch,
                     struct ckpt_error *error);

/** Copy bytes to the pool, followed by a zero byte. */
int ckpt_tables_pool(struct ckpt_tables *tables, const void *data, size_t size,
                     struct ckpt_ref *ret_ref, struct ckpt_error *error);

/** The text of @ref in the pool. */
const char *ckpt_tables_text(const struct ckpt_tables *tables, struct ckpt_ref ref);

#endif
