/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * TCP connections that have ended while the application still has their descriptor.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_ENDED_CONNECTION_H
#define CKPT_ENGINE_BUILTIN_FD_ENDED_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

/** How a TCP connection has ended; part of the format of the image. */
enum ckpt_ended {
    CKPT_ENDED_NOT,
    CKPT_ENDED_CLOSED,  /**< reading reports the end */
    CKPT_ENDED_RESET,   /**< there is an error that was not reported yet */
    CKPT_ENDED_REFUSED, /**< the same, and it was never made */
};
#define CKPT_ENDED_UNREAD_MAX ((size_t)64 << 10)

struct tcp_info;

/** Whether neither side can send anything over that connection any more, and how it ended. */
enum ckpt_ended ckpt_ended_state(int fd, int protocol, const struct tcp_info *info);

/**
 * Copy what was not read yet, at most CKPT_ENDED_UNREAD_MAX bytes.
 * @return their number; negative: that of the bytes, of which there are more
 */
long ckpt_ended_unread(int fd, char *ret_bytes);

/** A socket whose connection has ended in that way. A descriptor, or a negative errno value. */
long ckpt_ended_make(int family, bool only_v6, enum ckpt_ended how, const void *unread,
                     size_t size);

/** Whether a socket in the state CLOSE still has its port; getsockname() reports old ones too. */
bool ckpt_ended_has_port(int fd);

#endif
