/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What a freeze does with state that is no descriptor: memory, threads, the process.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_STATE_SUPPORT_H
#define CKPT_ENGINE_BUILTIN_PARKED_STATE_SUPPORT_H

#include "engine/support.h"

/** The areas of state, in the order of docs/support.md. */
enum ckpt_state_area { CKPT_STATE_MEMORY, CKPT_STATE_THREADS, CKPT_STATE_PROCESS };

struct ckpt_state_row {
    enum ckpt_state_area area;
    struct ckpt_support support;
};

/** The rows; the name of the last one is NULL. */
extern const struct ckpt_state_row ckpt_state_rows[];

#endif
