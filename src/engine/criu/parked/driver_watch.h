/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Notices that no process drives the freeze any more: a last resort for a JVM whose driver and
 * keeper were killed, together or before the keeper ran. No other process would let it continue.
 */
#ifndef CKPT_ENGINE_CRIU_PARKED_DRIVER_WATCH_H
#define CKPT_ENGINE_CRIU_PARKED_DRIVER_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct ckpt_driver_watch {
    int fd; /**< to be given to the driver; -1: nothing is noticed */
    struct sockaddr_un name;
    socklen_t name_size;
    uint64_t process_start;
};

/** Prepare it. The descriptor is one of the offer. */
void ckpt_driver_watch_open(struct ckpt_driver_watch *ret_watch);

/**
 * Whether no process has the descriptor any more. Always false in a process that criu has restored:
 * it waits for another command.
 */
bool ckpt_driver_watch_is_over(const struct ckpt_driver_watch *watch);

/** Close what is at the descriptor's number by now. */
void ckpt_driver_watch_close(const struct ckpt_driver_watch *watch);

#endif
