/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The memory that a restored process may use, where it is less than the JVM made its limits for.
 * On the thread that asks for the checkpoint, while threads run.
 */
#ifndef CKPT_HOTSPOT_MEMORY_LIMIT_H
#define CKPT_HOTSPOT_MEMORY_LIMIT_H

/** Before a freeze: the limit that the JVM lives under. */
void ckpt_memory_limit_prepare(void);

/** In the restored process: lower what a running JVM lets be lowered, and warn. */
void ckpt_memory_limit_apply(void);

#endif
