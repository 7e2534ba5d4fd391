/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Reserves the numbers of descriptors that are not in the image.
 */
#ifndef CKPT_AGENT_PARKED_RESERVED_FDS_H
#define CKPT_AGENT_PARKED_RESERVED_FDS_H

#include <stddef.h>

/**
 * In a restored process, before any other thread runs: reserve these numbers, so that the
 * application does not get one of them. Each is an unconnected socket until its owner closes it.
 */
void ckpt_reserved_fds_open(const int *fds, size_t count);

#endif
