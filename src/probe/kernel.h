/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What this kernel lets this process do, tried out once and kept in one structure.
 *
 * For the command, on its one thread.  What would change the caller is tried in a forked child, so
 * nothing is different afterwards.  Never in a JVM: a fork of it is dear.
 */
#ifndef CKPT_PROBE_KERNEL_H
#define CKPT_PROBE_KERNEL_H

#include <stdbool.h>

/** How a process may get clocks of its own. */
enum ckpt_time_way {
    CKPT_TIME_WAY_NONE,
    CKPT_TIME_WAY_USER,   /**< in a user namespace of its own */
    CKPT_TIME_WAY_DIRECT, /**< it may make a time namespace as it is */
};

/** Where the type is int and nothing else is said: 0 it works, otherwise the errno value. */
struct ckpt_kernel {
    char release[65], machine[65]; /**< as uname(2) has them */
    unsigned major, minor;
    unsigned long page_size;
    int pagemap_scan; /**< ioctl PAGEMAP_SCAN, from Linux 6.7 on */
    int pagemap;      /**< /proc/self/pagemap */
    int smaps;        /**< /proc/self/smaps has VmFlags; ENOTSUP when it has none */
    int tid_address;  /**< prctl PR_GET_TID_ADDRESS: CONFIG_CHECKPOINT_RESTORE */
    int mm_map;       /**< prctl PR_SET_MM_MAP, likewise */
    enum ckpt_time_way time_way;
    int time_error; /**< why time_way is not CKPT_TIME_WAY_DIRECT */
    int vdso;       /**< it can be moved; EPERM when it is sealed (from 6.16 on) */
    int kcmp, close_range, memfd;
    int clone3, unshare; /**< refused by a filter, or not known; for information */
    int temporary;       /**< files can be made in /tmp */
    bool filtered;       /**< a seccomp filter is on */
};

/** Try everything.  Takes a few milliseconds and three forks. */
void ckpt_probe_kernel(struct ckpt_kernel *ret_kernel);

#endif
