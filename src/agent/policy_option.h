/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The policy file of this JVM, see engine/policy_file.h.
 */
#ifndef CKPT_AGENT_POLICY_OPTION_H
#define CKPT_AGENT_POLICY_OPTION_H

#include "engine/policy_file.h"

/** ckpt_policies_read(), malloc'd. */
int ckpt_policy_option_load(const char *path, bool quotes, struct ckpt_policies **ret_policies,
                            struct ckpt_error *error);

/**
 * Read the policy file, on a Java thread. *ret_policies is NULL if there is no file; the caller
 * frees it.
 */
int ckpt_policy_option_read(struct ckpt_policies **ret_policies, struct ckpt_error *error);

/**
 * Check the policy file at the start. Fails if the file that @option names has an error ("": no
 * option); logs a warning if the property's file has one.
 */
int ckpt_policy_option_check(const char *option, struct ckpt_error *error);

#endif
