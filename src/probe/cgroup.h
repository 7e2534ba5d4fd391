/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Limits of the cgroup of this process and of its ancestors.
 */
#ifndef CKPT_PROBE_CGROUP_H
#define CKPT_PROBE_CGROUP_H

#include <stdint.h>

/** The smallest memory limit in bytes, of cgroup v1 and v2; UINT64_MAX if there is none. */
uint64_t ckpt_probe_cgroup_memory(void);

/** How many processors the CPU quotas allow, rounded up; UINT32_MAX if there is none. */
uint32_t ckpt_probe_cgroup_processors(void);

#endif
