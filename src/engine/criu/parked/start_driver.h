/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Starts the command that drives the freeze, outside the tree of processes that criu dumps.
 */
#ifndef CKPT_ENGINE_CRIU_PARKED_START_DRIVER_H
#define CKPT_ENGINE_CRIU_PARKED_START_DRIVER_H

#include "base/error.h"

struct ckpt_driver_start {
    int command_fd; /**< the command as a file (engine/prepare/command_file.h) */
    int connection; /**< the driver's end of a pair of sockets: its descriptor 3 */
    char *const *arguments, *const *environment; /**< NULL after the last word */
};

/**
 * Start it in a process without a parent in this tree. Threads may run; the caller's signals should
 * be blocked. It is not known when the driver ends, other than by its connection.
 */
int ckpt_driver_start(const struct ckpt_driver_start *start, struct ckpt_error *error);

#endif
