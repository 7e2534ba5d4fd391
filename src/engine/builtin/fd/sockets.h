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

/** Read an option that is saved in the image. -1 with @error if it cannot be read. */
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

/** What kind of socket it is, such as "a netlink socket"; NULL: it is none. */
const char *ckpt_socket_family_text(const struct ckpt_live_fd *live);

/** The hint for a failed bind() or listen(); @busy is the hint for an address in use. */
const char *ckpt_socket_bind_hint(long failed, const char *busy);

#endif
