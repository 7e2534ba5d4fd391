/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Limits of the cgroup that this process is in, and of those around it.
 */
#ifndef CKPT_PROBE_CGROUP_H
#define CKPT_PROBE_CGROUP_H

#include <stdint.h>

/** The least limit on memory, in bytes, of either version; UINT64_MAX: there is none. */
uint64_t ckpt_probe_cgroup_memory(void);

#endif
