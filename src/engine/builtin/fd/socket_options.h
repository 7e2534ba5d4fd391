/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The options of a datagram socket: saved where they differ from those of a new socket, and set
 * again. Interfaces are saved by name, since another machine or container has other numbers.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_SOCKET_OPTIONS_H
#define CKPT_ENGINE_BUILTIN_FD_SOCKET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CKPT_SOCKET_OPTIONS_MAX 96
#define CKPT_INTERFACE_NAME 16

/** In the image. */
struct ckpt_socket_option {
    uint16_t level, name;
    int32_t value;
    char interface[CKPT_INTERFACE_NAME]; /**< of an option that is an interface; empty: none */
};
_Static_assert(sizeof(struct ckpt_socket_option) == 24, "part of the image's format");

/** In the image: buffers and time limits, which have rules of their own. */
struct ckpt_socket_limits {
    uint32_t send_buffer, receive_buffer;        /**< 0: the kernel chooses the size */
    int64_t receive_timeout[2], send_timeout[2]; /**< seconds, microseconds */
};
_Static_assert(sizeof(struct ckpt_socket_limits) == 40, "part of the image's format");

/** A state of the socket that cannot be saved, such as "a packet filter", or NULL. */
const char *ckpt_socket_options_unsaved(int fd);

/** Save the options that @like, a new socket, has otherwise (-1: all). Returns their number. */
size_t ckpt_socket_options_save(int fd, int like,
                                struct ckpt_socket_option to[CKPT_SOCKET_OPTIONS_MAX]);

void ckpt_socket_limits_save(int fd, struct ckpt_socket_limits *ret_limits);

/** Whether options of an image are ones that can be set here. */
bool ckpt_socket_options_valid(const struct ckpt_socket_option *options, size_t count);

/** Set the options, before the socket is bound. -1 with @error, which names the option. */
int ckpt_socket_options_set(int fd, const struct ckpt_socket_option *options, size_t count,
                            struct ckpt_error *error);

void ckpt_socket_limits_set(int fd, const struct ckpt_socket_limits *limits);

/** The name of interface number @index; "if7" for one that is gone; empty for 0. */
void ckpt_socket_interface_name(int fd, uint32_t index, char name[CKPT_INTERFACE_NAME]);

/** The number of the interface of this name, or 0 with @error: this machine has none. */
uint32_t ckpt_socket_interface_index(int fd, const char name[CKPT_INTERFACE_NAME],
                                     struct ckpt_error *error);

#endif
