/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Paths of files that the kernel makes up: which process, thread or cgroup they are about, and what
 * leads to the same place in a restored process.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KERNEL_PATH_H
#define CKPT_ENGINE_BUILTIN_FD_KERNEL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/builtin/fd/live_fd.h"

enum ckpt_kernel_form {
    CKPT_KERNEL_FOREIGN, /**< of another process, or a namespace that this one is not in */
    CKPT_KERNEL_MACHINE, /**< `path` as it is */
    CKPT_KERNEL_PROCESS, /**< the same: it goes by way of "self" */
    CKPT_KERNEL_THREAD,  /**< the thread's number belongs at `split` of `path` */
    CKPT_KERNEL_CGROUP,  /**< `length` bytes at `split` of `path` are the process's cgroup */
    CKPT_KERNEL_ENDED,   /**< `path` is for people only */
};

/** In an image it is what is kept of such a descriptor. */
struct ckpt_kernel_path {
    uint32_t form; /**< enum ckpt_kernel_form */
    uint32_t tid;  /**< of the thread; 0: the leader */
    uint32_t split, length;
    char path[512];
    char controllers[112]; /**< of the cgroup, as in /proc/self/cgroup */
};
_Static_assert(sizeof(struct ckpt_kernel_path) == 640, "part of the image's format");

/** What an open file of such a file system is about. @data is zeros. */
void ckpt_kernel_path_of(struct ckpt_kernel_path *data, const struct ckpt_live_fd *live);

/**
 * The path that leads to the same place for the restored process: @path itself, or by way of
 * /proc/self. -1: it belongs to another process, or to a thread that is not the first.
 */
int ckpt_kernel_path_restored(const char *path, char *ret, size_t size);

/** The same place in the cgroup that this process is in now; false if it is in none. */
bool ckpt_kernel_path_cgroup(const struct ckpt_kernel_path *data, char *ret, size_t size);

/**
 * The number that /proc mounted at the first @length bytes of @path gives this process, or 0.
 */
uint64_t ckpt_kernel_own_number(const char *path, size_t length);

#endif
