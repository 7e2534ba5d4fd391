/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Numbers of descriptors that an image leaves out.
 */
#ifndef CKPT_AGENT_PARKED_HELD_NUMBERS_H
#define CKPT_AGENT_PARKED_HELD_NUMBERS_H

#include <stddef.h>

/**
 * In a restored process, before any other thread runs: take these numbers, so that no descriptor of
 * the application's gets one.  Each is a socket without a peer until its owner closes it.
 */
void ckpt_numbers_hold(const int *fds, size_t count);

#endif
