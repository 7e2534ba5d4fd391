/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the last restore passed to this process, in the mailbox (image/mailbox.h). The restorer
 * fills that in before any thread runs, and it does not change afterwards. A restore by another
 * program counts from when the agent notices it. All functions may be called on any thread, in a
 * signal handler and while parked.
 */
#ifndef CKPT_RUNTIME_GENERATION_H
#define CKPT_RUNTIME_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

struct ckpt_mailbox;
struct ckpt_parameters;

/** How often this process has been restored. */
uint32_t ckpt_generation(void);

/**
 * Another program, such as CRIU, has restored this process at that time by the wall clock. This
 * makes no difference for marks: the descriptors and connections of before are still there.
 */
void ckpt_generation_add_foreign(int64_t at_ms);

/** Whether this process has been restored. */
bool ckpt_is_restored(void);

/** Time of the last restore by the wall clock, in ms since the epoch; 0: never restored. */
int64_t ckpt_restored_at_ms(void);

/** Whether the JVM's start time and uptime stay those of the first process. */
bool ckpt_generation_keeps_start_time(void);

/**
 * A mark for ckpt_is_restored_since(); never 0. A request that is pending at a freeze is in the
 * image too, but in the restored process no one waits for its answer.
 */
uint32_t ckpt_generation_mark(void);

/** Whether the process was restored since @mark was made; false for mark 0. */
bool ckpt_is_restored_since(uint32_t mark);

/**
 * Whether the agent has to correct the monotonic clock.
 * @param ret_ns  the kernel's clock minus the clock that the process is to see
 */
bool ckpt_generation_clock_shift(int64_t *ret_ns);

/** Parameters of the restore for the application; mapped until they are dropped. */
struct ckpt_parameters *ckpt_restore_parameters(void);

/** Unmap the parameters. */
void ckpt_restore_parameters_drop(void);

/** The mailbox, for the engine, which writes its address into the image. */
struct ckpt_mailbox *ckpt_mailbox(void);

#endif
