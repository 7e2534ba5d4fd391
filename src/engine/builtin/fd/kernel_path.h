/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Paths of files that the kernel generates (/proc, cgroups, namespaces): which process, thread or
 * cgroup they are about, and the path of the same file for a restored process.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KERNEL_PATH_H
#define CKPT_ENGINE_BUILTIN_FD_KERNEL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/builtin/fd/live_fd.h"

enum ckpt_kernel_form {
    CKPT_KERNEL_FOREIGN, /**< about another process, or a namespace that this process is not in */
    CKPT_KERNEL_MACHINE, /**< about no process: `path` is the same for every process */
    CKPT_KERNEL_PROCESS, /**< about this process: `path` contains "self" */
    CKPT_KERNEL_THREAD,  /**< about a thread, whose TID must be inserted at `split` of `path` */
    CKPT_KERNEL_CGROUP,  /**< about its cgroup, whose path is `length` bytes at `split` of `path` */
    CKPT_KERNEL_ENDED,   /**< about a process, thread or cgroup that has ended */
};

/** The bytes of such a descriptor in an image. */
struct ckpt_kernel_path {
    uint32_t form; /**< enum ckpt_kernel_form */
    uint32_t tid;  /**< of the thread; 0: the leader */
    uint32_t split, length;
    char path[512];
    char controllers[112]; /**< of the cgroup's hierarchy, as in /proc/self/cgroup */
};
_Static_assert(sizeof(struct ckpt_kernel_path) == 640, "part of the image's format");

/** Fill in @data, which is zeros, for an open file that the kernel generates. */
void ckpt_kernel_path_of(struct ckpt_kernel_path *data, const struct ckpt_live_fd *live);

/**
 * The path of the same file for the restored process: @path itself, or one below /proc/self or
 * /proc/thread-self. -1: it belongs to another process, or to a thread that is not the first.
 */
int ckpt_kernel_path_restored(const char *path, char *ret, size_t size);

/** The path of the same file in the cgroup that this process is in now; false if it is in none. */
bool ckpt_kernel_path_cgroup(const struct ckpt_kernel_path *data, char *ret, size_t size);

/** This process's PID in the /proc that is mounted at the first @length bytes of @path, or 0. */
uint64_t ckpt_kernel_path_own_pid(const char *path, size_t length);

#endif
