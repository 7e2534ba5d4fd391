/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which process this is: by its start time, and by the boot of the machine. If both halves of a
 * checkpoint find different ones, another program has frozen and restored the process in between.
 */
#ifndef CKPT_RUNTIME_PROCESS_IDENTITY_H
#define CKPT_RUNTIME_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/** Record it: when the agent starts, at a first half, and when it is known to be restored. */
void ckpt_process_identity_record(void);

/** Whether this process is another one than the recorded one; false if that is not known. */
bool ckpt_process_identity_has_changed(void);

/** The recorded start time, in clock ticks of CLOCK_BOOTTIME; -1: unknown. */
int64_t ckpt_process_identity_ticks(void);

/** The start time of this process, likewise. */
int64_t ckpt_process_start_ticks(void);

/** The start time of this process by the wall clock, in ms since the epoch. */
int64_t ckpt_process_started_at_ms(void);

#endif
