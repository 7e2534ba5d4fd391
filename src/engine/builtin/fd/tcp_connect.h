/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Makes a TCP connection of the process to itself, at given addresses.  Runs in the command.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_TCP_CONNECT_H
#define CKPT_ENGINE_BUILTIN_FD_TCP_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/tcp_options.h"

/** One end of the connection. */
struct ckpt_tcp_end {
    int family;
    uint32_t address_size;
    uint8_t address[32];                  /**< its own, in its family */
    uint8_t peer[32];                     /**< the other end's, in the family of this one */
    uint32_t send_buffer, receive_buffer; /**< 0: the kernel chooses the size */
    const struct ckpt_tcp_option *options;
    size_t option_count;
};

/**
 * Connect two ends. Both keep SO_REUSEADDR: sockets that listen at one of the addresses may not be
 * bound yet, and another restore may bind the addresses while they are in TIME_WAIT. Options of
 * CKPT_TCP_AFTER are not set.
 * @param any_port  at other ports, which the kernel chooses: for a rehearsal
 * @param ret_fds   [0]: of the end that connects
 * @return 0, or -1 with @error
 */
int ckpt_tcp_connect(const struct ckpt_tcp_end *from, const struct ckpt_tcp_end *to, bool any_port,
                     int ret_fds[2], struct ckpt_error *error);

/** Connect a socket to itself. Returns its descriptor, or -1 with @error. */
int ckpt_tcp_connect_self(const struct ckpt_tcp_end *end, bool any_port, struct ckpt_error *error);

/** Whether the address of @end can be bound; 0, or -1 with @error. */
int ckpt_tcp_connect_test(const struct ckpt_tcp_end *end, struct ckpt_error *error);

#endif
