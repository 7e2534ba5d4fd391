/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The options of a Unix socket, and which of its directions are shut down.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_UNIX_OPTIONS_H
#define CKPT_ENGINE_BUILTIN_FD_UNIX_OPTIONS_H

#include <stdint.h>

#include "engine/builtin/fd/socket_options.h"
#include "engine/builtin/fd/unix_diag.h"

#define CKPT_UNIX_OPTIONS 13

/** Part of the image's format. */
struct ckpt_unix_options {
    struct ckpt_socket_limits limits;
    int32_t option[CKPT_UNIX_OPTIONS];
    uint32_t shutdown; /**< 1: for reading, 2: for writing */
};
_Static_assert(sizeof(struct ckpt_unix_options) == 96, "part of the image's format");

void ckpt_unix_options_get(int fd, const struct ckpt_unix_diag *diag,
                           struct ckpt_unix_options *ret_options);

/** Those of a new socket. */
void ckpt_unix_options_default(struct ckpt_unix_options *ret_options);

/** Set what does not prevent another socket from sending to this one. */
void ckpt_unix_options_set(int fd, const struct ckpt_unix_options *options);

/** Set the rest, when the queues at both ends are complete: a buffer may be small. */
void ckpt_unix_options_close(int fd, const struct ckpt_unix_options *options);

#endif
