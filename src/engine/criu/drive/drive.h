/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The driver: it has criu dump a JVM that waits for it (engine.h: check_drive, drive).
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_DRIVE_H
#define CKPT_ENGINE_CRIU_DRIVE_DRIVE_H

#include "engine/criu/command/criu.h"
#include "engine/engine.h"

int ckpt_criu_check_drive(const struct ckpt_freeze_request *request, struct ckpt_error *error);

enum ckpt_drive_result ckpt_criu_drive(const struct ckpt_freeze_request *request,
                                       struct ckpt_offered *offered, struct ckpt_error *error);

/** criu's settings from those of a request. */
struct ckpt_criu_settings ckpt_criu_settings_of(const struct ckpt_engine_settings *settings);

/** End as the signal would have ended this process that has ended the last call of criu, if any. */
void ckpt_criu_end_if_interrupted(void);

#endif
