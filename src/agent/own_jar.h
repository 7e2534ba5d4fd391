/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The jar that the agent was loaded from, if it was.
 */
#ifndef CKPT_AGENT_OWN_JAR_H
#define CKPT_AGENT_OWN_JAR_H

/** Its path, absolute and without links; NULL: the agent was not loaded from a jar. */
const char *ckpt_own_jar(void);

/** Set it. Call once. */
void ckpt_own_jar_set(const char *path);

#endif
