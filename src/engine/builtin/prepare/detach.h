/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Makes a process that this engine has restored independent of its image (engine.h: detach).
 */
#ifndef CKPT_ENGINE_BUILTIN_PREPARE_DETACH_H
#define CKPT_ENGINE_BUILTIN_PREPARE_DETACH_H

#include "base/error.h"
#include "engine/host.h"

/** ckpt_engine_jvm.detach of this engine. */
int ckpt_detach(const struct ckpt_host *host, struct ckpt_error *error);

#endif
