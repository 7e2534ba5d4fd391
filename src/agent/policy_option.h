/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The policy file of this JVM, see engine/policy_file.h.
 */
#ifndef CKPT_AGENT_POLICY_OPTION_H
#define CKPT_AGENT_POLICY_OPTION_H

#include "engine/policy_file.h"

/** Read it; *ret_policies is NULL where there is none, otherwise to be freed. On a Java thread. */
int ckpt_agent_policies(struct ckpt_policies **ret_policies, struct ckpt_error *error);

/**
 * At the start: that of the option (@option may be "") must be good, of a bad one that the property
 * names there is a warning.
 */
int ckpt_agent_policies_check(const char *option, struct ckpt_error *error);

#endif
