/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Files that HotSpot logs to. A restore makes them if they are missing, as the start of a JVM does.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_JVM_LOG_H
#define CKPT_ENGINE_BUILTIN_FD_JVM_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/builtin/fd/kind.h"

/**
 * Whether it is one of the host's jvm_logs.
 * @param ret_path  gets its path, also if the file is deleted; as large as live->link
 */
bool ckpt_fd_is_jvm_log(const struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                        char *ret_path, size_t size);

#endif
