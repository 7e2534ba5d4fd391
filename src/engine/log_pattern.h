/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Names of the files that HotSpot logs to (jvm_logs in host.h).
 */
#ifndef CKPT_ENGINE_LOG_PATTERN_H
#define CKPT_ENGINE_LOG_PATTERN_H

#include <stdbool.h>

/** Whether @path, which is absolute, is that of a log with the name @pattern. */
bool ckpt_log_pattern_matches(const char *pattern, const char *path);

#endif
