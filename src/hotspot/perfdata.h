/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * When it ends, HotSpot removes its performance data (hsperfdata) by the name that they had at its
 * start.  In a restored process that is the name of another PID, which may be alive: the process
 * that went on after its checkpoint, or one that has got the number since.
 */
#ifndef CKPT_HOTSPOT_PERFDATA_H
#define CKPT_HOTSPOT_PERFDATA_H

/** When a restored process ends: leave the file of the first PID alone. */
void ckpt_perfdata_keep_first(void);

#endif
