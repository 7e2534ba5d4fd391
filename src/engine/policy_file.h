/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Reads policy files: rules for descriptors (policy_rules.h) in the format of CRaC's
 * jdk.crac.resource-policies, which docs/policies.md describes.
 *
 * The agent reads its policy file at each checkpoint, before threads are parked; the command reads
 * one at a restore.
 */
#ifndef CKPT_ENGINE_POLICY_FILE_H
#define CKPT_ENGINE_POLICY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "engine/policy_rules.h"

/**
 * Parse @size bytes of @text. Messages name the file @name.
 * @return 0, or -1: "NAME:LINE: what is wrong; expected ..."
 */
int ckpt_policies_parse(struct ckpt_policies *policies, const char *name, const char *text,
                        size_t size, struct ckpt_error *error);

/** Read the text of the file @path. Its size, or -1. */
long ckpt_policies_read_text(const char *path, char text[CKPT_POLICY_TEXT],
                             struct ckpt_error *error);

/**
 * Read and parse the file @path.
 * @param quotes  whether an error may have text of the file; one that others read must not, as the
 *                path may lead to any file of the JVM's user
 */
int ckpt_policies_read(struct ckpt_policies *policies, const char *path, bool quotes,
                       struct ckpt_error *error);

#endif
