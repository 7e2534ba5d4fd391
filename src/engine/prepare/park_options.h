/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds what parking must know about this process, while its threads run.
 */
#ifndef CKPT_ENGINE_PREPARE_PARK_OPTIONS_H
#define CKPT_ENGINE_PREPARE_PARK_OPTIONS_H

#include "base/error.h"
#include "engine/host.h"
#include "engine/parked/park.h"

/** Fill in @ret_options. -1: no real-time signal is free. */
int ckpt_park_options_find(const struct ckpt_host *host, struct ckpt_park_options *ret_options,
                           struct ckpt_error *error);

#endif
