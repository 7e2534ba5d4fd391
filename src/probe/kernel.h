/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The kernel features that this process can use, each tried once, in one structure.
 *
 * Only the command uses this, because it has one thread. Probes that would change the process run
 * in a forked child. A JVM must not use it, because fork() is expensive there.
 */
#ifndef CKPT_PROBE_KERNEL_H
#define CKPT_PROBE_KERNEL_H

#include <stdbool.h>

/** How this process can enter a time namespace. */
enum ckpt_time_way {
    CKPT_TIME_WAY_NONE,
    CKPT_TIME_WAY_USER,   /**< only together with a new user namespace */
    CKPT_TIME_WAY_DIRECT, /**< directly */
};

/** Fields of type int: 0 if the feature works, otherwise an errno value. */
struct ckpt_kernel {
    char release[65], machine[65]; /**< from uname(2) */
    unsigned major, minor;
    unsigned long page_size;
    int pagemap_scan; /**< ioctl PAGEMAP_SCAN, from Linux 6.7 on */
    int pagemap;      /**< /proc/self/pagemap */
    int smaps;        /**< /proc/self/smaps with VmFlags; ENOTSUP if it has no VmFlags */
    int tid_address;  /**< prctl PR_GET_TID_ADDRESS: CONFIG_CHECKPOINT_RESTORE */
    int mm_map;       /**< prctl PR_SET_MM_MAP: CONFIG_CHECKPOINT_RESTORE too */
    enum ckpt_time_way time_way;
    int time_error; /**< why a time namespace cannot be made directly */
    int vdso;       /**< moving the vDSO; EPERM if it is sealed (from Linux 6.16 on) */
    int kcmp, close_range, memfd;
    int clone3, unshare; /**< not required, only reported */
    int tmp_files;       /**< files can be created in /tmp */
    bool filtered;       /**< a seccomp filter is active */
};

/** Run all probes. Takes a few milliseconds and three forks. */
void ckpt_probe_kernel(struct ckpt_kernel *ret_kernel);

#endif
