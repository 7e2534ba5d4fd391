/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What helps against a refused checkpoint: see hints.c.
 */
#ifndef CKPT_AGENT_HINTS_H
#define CKPT_AGENT_HINTS_H

#include "engine/report.h"

/** When the agent is loaded into a running JVM. */
void ckpt_hints_begin(void);

/** Add to the reasons of a refusal what helps; nothing to an empty report. */
void ckpt_hints_add(struct ckpt_report *report);

#endif
