/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Resource limits that the application has changed: see resource_limits.c.
 */
#ifndef CKPT_ENGINE_PARKED_RESOURCE_LIMITS_H
#define CKPT_ENGINE_PARKED_RESOURCE_LIMITS_H

#include <stdbool.h>

struct ckpt_report;

/**
 * Note the limits that the process was started with. Called when the agent is loaded.
 * @param late  the application may have changed its own already
 */
void ckpt_resource_limits_note_inherited(bool late);

/** While all threads are parked: remember the limits, for a restored process. */
void ckpt_resource_limits_record(void);

/** In the restored process, set those that the application had changed. */
void ckpt_resource_limits_restore(struct ckpt_report *warnings);

#endif
