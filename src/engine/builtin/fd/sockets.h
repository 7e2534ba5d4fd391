/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the kinds of sockets have in common.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_SOCKETS_H
#define CKPT_ENGINE_BUILTIN_FD_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/live_fd.h"

/** getsockopt() of an option that is an int; 0 if the socket has no such. */
int ckpt_socket_option(int fd, int level, int name);

/** The same for one that is kept: -1 with @error if the kernel does not say. */
int ckpt_socket_option_kept(int fd, int level, int name, int *ret_value, struct ckpt_error *error);

/** getsockname(); @size as there. */
int ckpt_socket_address(int fd, void *ret_address, uint32_t *size, struct ckpt_error *error);

/** Whether it is a socket of @protocol (IPPROTO_TCP, IPPROTO_UDP) over IPv4 or IPv6. */
bool ckpt_socket_is_inet(const struct ckpt_live_fd *live, int protocol);

/** Whether it is a Unix socket. */
bool ckpt_socket_is_unix(const struct ckpt_live_fd *live);

/** "127.0.0.1:80", "[::1]:80". @address: a struct sockaddr_in or sockaddr_in6. */
void ckpt_socket_address_text(const uint8_t *address, char *text, size_t size);

/** What helps where an address could not be had again, after the reason; or @busy. */
const char *ckpt_socket_bind_hint(long failed, const char *busy);

#endif
