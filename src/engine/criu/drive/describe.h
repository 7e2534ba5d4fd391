/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engine's describe() of engine.h.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_DESCRIBE_H
#define CKPT_ENGINE_CRIU_DRIVE_DESCRIBE_H

#include "engine/description.h"

int ckpt_criu_describe(const char *directory, bool verify, struct ckpt_description *ret_description,
                       struct ckpt_error *error);

#endif
