/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine's restore() and rehearse() of engine.h.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_CRIU_RESTORE_H
#define CKPT_ENGINE_CRIU_DRIVE_CRIU_RESTORE_H

#include "engine/engine.h"

int ckpt_criu_engine_restore(const struct ckpt_restore_request *request, struct ckpt_error *error);

int ckpt_criu_engine_rehearse(const struct ckpt_restore_request *request, struct ckpt_error *error);

#endif
