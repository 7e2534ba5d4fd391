/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Whether the peer of a TCP connection that it has closed can still read.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_TCP_PEER_H
#define CKPT_ENGINE_BUILTIN_FD_TCP_PEER_H

#include <stdbool.h>

#include "engine/builtin/parked/gather.h"

/**
 * Whether it is certain that no process has the other end of the connection @fd any more. Of a peer
 * on another machine nothing is certain.
 */
bool ckpt_tcp_peer_is_gone(const struct ckpt_gather *gather, int fd);

#endif
