/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Functions that the kinds of sockets share.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_SOCKETS_H
#define CKPT_ENGINE_BUILTIN_FD_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/live_fd.h"
#include "engine/parked/socket_facts.h"

/**
 * Read an option that is saved in the image. -1 with @error if it cannot be read; @ret_value keeps
 * its value if this kind of socket, or this kernel, does not have the option.
 */
int ckpt_socket_option_required(int fd, int level, int name, int *ret_value,
                                struct ckpt_error *error);

/** Call getsockname(), with @size as there. */
int ckpt_socket_address(int fd, void *ret_address, uint32_t *size, struct ckpt_error *error);

/** Whether it is a socket of @protocol (IPPROTO_TCP, IPPROTO_UDP) over IPv4 or IPv6. */
bool ckpt_socket_is_inet(const struct ckpt_live_fd *live, int protocol);

/** Whether it is a Unix socket. */
bool ckpt_socket_is_unix(const struct ckpt_live_fd *live);

/** Whether two sockets are in one network namespace; kernels that do not show it are trusted. */
bool ckpt_socket_same_namespace(int left, int right);

/**
 * Whether two addresses (struct sockaddr_in or sockaddr_in6) are the same one; an IPv4 address is
 * also the IPv6 address that it is mapped to.
 */
bool ckpt_socket_same_address(const uint8_t *left, const uint8_t *right);

/** The loopback address of IPv4, in @family, with port 0. Returns its size. */
uint32_t ckpt_socket_loopback(int family, uint8_t ret_address[32]);

/** Where the port is in an address of either family. */
uint16_t *ckpt_socket_port(uint8_t *address);

/** The port that a socket is bound to, in network byte order; 0: none. */
uint16_t ckpt_socket_own_port(int fd);

/** Shut down directions: the bits of SHUT_RD + 1 and SHUT_WR + 1. */
void ckpt_socket_shut(int fd, unsigned directions);

/**
 * The sizes of buffers that the application has set, as it has set them; 0: the kernel chooses.
 * -1 with @error if they cannot be read.
 */
int ckpt_socket_buffers_read(int fd, uint32_t *ret_send, uint32_t *ret_receive,
                             struct ckpt_error *error);

/** Set those that are not 0. */
void ckpt_socket_buffers_set(int fd, uint32_t send, uint32_t receive);

/** Close a socket that is connected, and reset the connection. */
void ckpt_socket_reset(int fd);

/**
 * Accept the connection from @client, and reset all others.
 * @param listener  does not block
 * @param ms        for how long
 * @return a descriptor that does not block, or a negative errno value
 */
long ckpt_socket_accept_from(int listener, int client, int64_t ms);

/** What kind of socket it is, such as "a netlink socket"; NULL: it is none. */
const char *ckpt_socket_family_text(const struct ckpt_live_fd *live);

/** The hint for a failed bind() or listen(); @busy is the hint for an address in use. */
const char *ckpt_socket_bind_hint(long failed, const char *busy);

#endif
