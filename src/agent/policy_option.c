/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Which policy file this JVM uses: that of the system property jdk.crac.resource-policies, as in
 * CRaC, otherwise that of the agent's option. It is read at the start, so that its errors are
 * reported early, and at each checkpoint, so that the user can edit it in between.
 */
#include "agent/policy_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/options.h"
#include "base/cleanup.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define PROPERTY "jdk.crac.resource-policies" /* JVMTI has only its value at the JVM's start */

int ckpt_policy_option_load(const char *path, bool quotes, struct ckpt_policies **ret_policies,
                            struct ckpt_error *error)
{
    ckpt_auto_free struct ckpt_policies *policies = malloc(sizeof *policies);

    if (!policies)
        return ckpt_error_set(error, ENOMEM, "cannot read the policy file");
    if (ckpt_policies_read(policies, path, quotes, error) < 0)
        return -1;
    *ret_policies = CKPT_STEAL_POINTER(policies);
    return 0;
}

int ckpt_policy_option_read(struct ckpt_policies **ret_policies, struct ckpt_error *error)
{
    char path[PATH_MAX];

    *ret_policies = NULL;
    if (ckpt_jvm_property(PROPERTY, path, sizeof path) && *path)
        return ckpt_policy_option_load(path, true, ret_policies, error);
    return *ckpt_options.policies
               ? ckpt_policy_option_load(ckpt_options.policies, true, ret_policies, error)
               : 0;
}

int ckpt_policy_option_check(const char *option, struct ckpt_error *error)
{
    ckpt_auto_free struct ckpt_policies *policies = NULL;
    struct ckpt_error wrong;
    char path[PATH_MAX];

    if (ckpt_jvm_property(PROPERTY, path, sizeof path) && *path &&
        ckpt_policy_option_load(path, true, &policies, &wrong) < 0)
        ckpt_log("warning", "no checkpoint is possible with -D" PROPERTY ": %s", wrong.text);
    free(CKPT_STEAL_POINTER(policies));
    return *option ? ckpt_policy_option_load(option, true, &policies, error) : 0;
}
