/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Policy files: rules for descriptors (policy_rules.h) in the format of CRaC's
 * jdk.crac.resource-policies.  docs/policies.md explains it to people.
 *
 * The agent reads one at each checkpoint, before threads are parked; the command at a restore.
 */
#ifndef CKPT_ENGINE_POLICY_FILE_H
#define CKPT_ENGINE_POLICY_FILE_H

#include <stddef.h>

#include "base/error.h"
#include "engine/policy_rules.h"

/**
 * Understand @size bytes of @text, of a file that messages call @name.
 * @return 0, or -1: "NAME:LINE: what is wrong; expected ..."
 */
int ckpt_policies_parse(struct ckpt_policies *policies, const char *name, const char *text,
                        size_t size, struct ckpt_error *error);

/** Read the file @path and understand it. */
int ckpt_policies_read(struct ckpt_policies *policies, const char *path, struct ckpt_error *error);

#endif
