/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The options of TCP sockets that are in an image. Used by the kinds of TCP sockets.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_TCP_OPTIONS_H
#define CKPT_ENGINE_BUILTIN_FD_TCP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CKPT_TCP_OPTIONS_MAX 96

/** One option; part of the format of the image. */
struct ckpt_tcp_option {
    uint16_t level, name;
    uint32_t size; /**< bytes of `value` */
    uint8_t value[16];
};
_Static_assert(sizeof(struct ckpt_tcp_option) == 24, "part of the image's format");

/** When an option of a connection is set again. */
enum ckpt_tcp_stage {
    CKPT_TCP_BEFORE, /**< before the socket is bound */
    CKPT_TCP_AFTER,  /**< when it is connected and its queues are filled */
};

/**
 * Save the options that have another value than those of a new socket, except the ones that
 * kind_tcp.c has always saved.
 * @param connected  leave out those that mean nothing, or change by themselves, in a connection
 * @return their number, or -1 with @error
 */
int ckpt_tcp_options_save(int fd, bool connected, struct ckpt_tcp_option *ret_options,
                          struct ckpt_error *error);

/** Whether options of an image are valid. */
bool ckpt_tcp_options_valid(const struct ckpt_tcp_option *options, size_t count);

/** Set those options of @stage that have another value now. 0, or -1 with @error. */
int ckpt_tcp_options_set(int fd, const struct ckpt_tcp_option *options, size_t count,
                         enum ckpt_tcp_stage stage, struct ckpt_error *error);

/**
 * Why the socket cannot be made again, whatever its options are: "a filter" and the like; NULL: it
 * can.
 */
const char *ckpt_tcp_options_obstacle(int fd);

#endif
