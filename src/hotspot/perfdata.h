/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot's performance data (hsperfdata).  At its end, HotSpot removes the file by the name that
 * it had at the start.  In a restored process that is the name of another PID, which may be alive:
 * that of the process which continued after its checkpoint, or of one that has got the number
 * since.
 */
#ifndef CKPT_HOTSPOT_PERFDATA_H
#define CKPT_HOTSPOT_PERFDATA_H

#include <stdint.h>

/**
 * Look for the JVM's own, for parked/process_files.h.
 * @return where it is mapped; 0 if it is no shared memory, or there is none
 */
uint64_t ckpt_perfdata_find(void);

/** When a restored process ends: leave the file of the first PID alone. */
void ckpt_perfdata_keep_first(void);

#endif
