/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether the processes of a JVM are in namespaces in which criu can restore them.
 */
#ifndef CKPT_ENGINE_CRIU_NAMESPACES_H
#define CKPT_ENGINE_CRIU_NAMESPACES_H

#include <sys/types.h>

#include "base/error.h"

/** Check @pid and its descendants. The error names the process and the kind of namespace. */
int ckpt_criu_namespaces_check(pid_t pid, struct ckpt_error *error);

#endif
