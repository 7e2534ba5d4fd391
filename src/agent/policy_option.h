/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The policy file of this JVM, see engine/policy_file.h.
 */
#ifndef CKPT_AGENT_POLICY_OPTION_H
#define CKPT_AGENT_POLICY_OPTION_H

#include "engine/policy_file.h"

/** Read it. *ret_policies is NULL if there is none; the caller frees it. On a Java thread. */
int ckpt_policy_option_read(struct ckpt_policies **ret_policies, struct ckpt_error *error);

/**
 * At the start: an error in the file of the option is an error (@option may be ""); one in the file
 * of the property is logged as a warning.
 */
int ckpt_policy_option_check(const char *option, struct ckpt_error *error);

#endif
