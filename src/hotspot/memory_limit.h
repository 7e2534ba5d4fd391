/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A restored process may have a smaller memory limit than the one that the JVM sized its heap for.
 * These functions run on the requester's thread, while threads run.
 */
#ifndef CKPT_HOTSPOT_MEMORY_LIMIT_H
#define CKPT_HOTSPOT_MEMORY_LIMIT_H

/** Before a freeze: record the present limit. */
void ckpt_memory_limit_prepare(void);

/**
 * In the restored process: if the limit is smaller than before, lower the JVM's flags that can be
 * changed, and log a warning.
 */
void ckpt_memory_limit_apply(void);

#endif
