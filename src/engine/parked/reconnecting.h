/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Connections that are no state of the application, because their clients make new ones.
 */
#ifndef CKPT_ENGINE_PARKED_RECONNECTING_H
#define CKPT_ENGINE_PARKED_RECONNECTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Whether a descriptor is a connection that was accepted at one of the ports, or that this machine
 * has made to one of them.
 */
bool ckpt_reconnects(int fd, const uint16_t *ports, size_t count);

/** Whether a descriptor listens at one of the ports. */
bool ckpt_accepts_again(int fd, const uint16_t *ports, size_t count);

#endif
