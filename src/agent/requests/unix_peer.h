/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The process at the other end of a Unix socket.
 */
#ifndef CKPT_AGENT_REQUESTS_UNIX_PEER_H
#define CKPT_AGENT_REQUESTS_UNIX_PEER_H

#include <stdbool.h>

/** Whether the peer of a connected Unix socket is the JVM's user or root. */
bool ckpt_unix_peer_is_allowed(int fd);

#endif
