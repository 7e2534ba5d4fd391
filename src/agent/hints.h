/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Hints for a refused checkpoint: see hints.c.
 */
#ifndef CKPT_AGENT_HINTS_H
#define CKPT_AGENT_HINTS_H

#include "engine/report.h"

/**
 * Call it when the agent is loaded into a running JVM: finds out whether org.crac was loaded
 * before.
 */
void ckpt_hints_init(void);

/** Add hints to the reasons of a refusal; an empty report stays empty. */
void ckpt_hints_add(struct ckpt_report *report);

/** For a refusal by the built-in engine: whether another engine would help, and is installed. */
void ckpt_hints_add_engine(struct ckpt_report *report);

#endif
