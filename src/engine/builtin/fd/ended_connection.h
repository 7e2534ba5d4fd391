/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * TCP connections that have ended while the application still has their descriptor.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_ENDED_CONNECTION_H
#define CKPT_ENGINE_BUILTIN_FD_ENDED_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/** How a TCP connection has ended; part of the format of the image. */
enum ckpt_ended {
    CKPT_ENDED_NOT,
    CKPT_ENDED_CLOSED,  /**< reading returns the end of the stream */
    CKPT_ENDED_RESET,   /**< the next read returns an error: it was reset */
    CKPT_ENDED_REFUSED, /**< the next read returns an error: it was never established */
    /** the same as CLOSED, but this end has not closed its side: what it sends is reset */
    CKPT_ENDED_BY_PEER,
};

struct tcp_info;

/** How the connection ended; CKPT_ENDED_NOT if a side can still send. */
enum ckpt_ended ckpt_ended_connection_state(int fd, int protocol, const struct tcp_info *info);

/** One that is made again. */
struct ckpt_ended_end {
    enum ckpt_ended how;
    uint32_t receive_buffer; /**< 0: the kernel chooses the size */
    const void *unread;
    size_t size; /**< of the unread bytes */
};

/**
 * Make a TCP socket whose connection has ended so, as far as this machine allows.
 * @param first_own_fd  as in ckpt_fd_thaw
 * @return a descriptor that may not block, or -1 with @error
 */
int ckpt_ended_connection_make(int first_own_fd, int family, const struct ckpt_ended_end *end,
                               struct ckpt_error *error);

/** Make a Unix socket of that type whose connection was reset; likewise. */
long ckpt_ended_connection_make_unix(int type);

/**
 * Whether a socket in the state CLOSE still has its port; getsockname() also returns a port that
 * the socket no longer has.
 */
bool ckpt_ended_connection_has_port(int fd);

#endif
