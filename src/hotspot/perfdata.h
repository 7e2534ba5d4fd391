/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot's performance data (hsperfdata). When HotSpot ends it removes the file by its name, which
 * contains the PID at the start of the JVM. In a restored process that PID may belong to another
 * live JVM: one that continued after its checkpoint, or one that got the number since.
 */
#ifndef CKPT_HOTSPOT_PERFDATA_H
#define CKPT_HOTSPOT_PERFDATA_H

#include <stdint.h>

/**
 * Find this JVM's hsperfdata file, for parked/process_files.h.
 * @return the address of its mapping; 0: there is none, or it is not shared memory
 */
uint64_t ckpt_perfdata_find(void);

/** When a restored process ends: keep HotSpot from removing the file of the original PID. */
void ckpt_perfdata_disable_unlink(void);

#endif
