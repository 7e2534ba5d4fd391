/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the last restore left for this process, as questions: all of it is in one mailbox
 * (image/mailbox.h), which the restorer fills in before any thread runs, and nobody changes
 * afterwards.  May be asked on any thread, in a signal handler and while parked.
 */
#ifndef CKPT_RUNTIME_GENERATION_H
#define CKPT_RUNTIME_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

struct ckpt_mailbox;
struct ckpt_parameters;

/** How often this process has been restored. */
uint32_t ckpt_generation(void);

/** Whether it has been at all. */
bool ckpt_is_restored(void);

/** When it was last, by the wall clock; 0: never. */
int64_t ckpt_restored_at_ms(void);

/**
 * A mark that ckpt_is_restored_since() takes; never 0.  What is asked of the process that is then
 * frozen is in its image too: in the restored process no one waits for it any more.
 */
uint32_t ckpt_generation_mark(void);

/** Whether the process was restored since the mark was made; never since 0. */
bool ckpt_is_restored_since(uint32_t mark);

/** Whether the agent has to make up for another monotonic clock; if so, its lead over the old. */
bool ckpt_clock_is_shifted(int64_t *ret_ns);

/** What the restore was given for the application; stays mapped until it is dropped. */
struct ckpt_parameters *ckpt_restore_parameters(void);

/** Unmap it. */
void ckpt_restore_parameters_drop(void);

/** The mailbox itself: for the engine, which writes its address into the image. */
struct ckpt_mailbox *ckpt_mailbox(void);

#endif
