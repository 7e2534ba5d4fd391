/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The process and thread identifiers of an image: criu gives each to its process or thread again.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_NUMBERS_H
#define CKPT_ENGINE_CRIU_DRIVE_NUMBERS_H

#include <jansson.h>
#include <sys/types.h>

#include "base/error.h"

/** Those of the descendants of process @pid, for "descendants" in the document. */
json_t *ckpt_criu_numbers_record(pid_t pid);

/**
 * Whether all are free here; waits for those that only zombies have.
 * @param pid       of the JVM
 * @param document  with "threads" and "descendants"
 */
int ckpt_criu_numbers_check(pid_t pid, const json_t *document, struct ckpt_error *error);

/**
 * Let the kernel continue after the numbers of the image, if it would soon give one to a new
 * process: criu is one, and starts some.
 */
void ckpt_criu_numbers_pass(pid_t pid, const json_t *document);

#endif
