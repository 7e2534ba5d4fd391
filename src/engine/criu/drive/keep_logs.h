/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The files that the JVM itself logs to. One that is gone at the restore is made again, as at the
 * start of a JVM: criu needs each file that was open.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_KEEP_LOGS_H
#define CKPT_ENGINE_CRIU_DRIVE_KEEP_LOGS_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "engine/criu/drive/take_offer.h"

/** The logs that @pid, which is stopped, has open. */
json_t *ckpt_criu_logs_record(pid_t pid, const struct ckpt_jvm_offer *offer);

/** Whether a path is that of a log. */
bool ckpt_criu_logs_have(const json_t *logs, const char *path);

/** Whether those that are gone can be made again. */
int ckpt_criu_logs_check(const json_t *logs, struct ckpt_error *error);

/** Make those that are gone, and note which these are. */
int ckpt_criu_logs_make(json_t *logs, void (*warn)(const char *text), struct ckpt_error *error);

/** The restore has failed: remove those that were made. */
void ckpt_criu_logs_remove(const json_t *logs);

/**
 * Let those that were made begin at their start. criu requires the old size of a file that was not
 * opened to append, and restores the old position; the JVM, which waits, would leave a hole there.
 */
void ckpt_criu_logs_rewind(const json_t *logs, pid_t jvm);

#endif
