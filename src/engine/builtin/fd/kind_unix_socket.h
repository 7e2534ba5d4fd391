/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Connections of this process with itself, for the listener at which they were made.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KIND_UNIX_SOCKET_H
#define CKPT_ENGINE_BUILTIN_FD_KIND_UNIX_SOCKET_H

#include <stddef.h>

#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/unix_name.h"

/**
 * Before a listener is bound to @name, make the connections of the image that have this name, from
 * entry @from on: they need it for a moment, and other processes connect to it afterwards.
 */
int ckpt_unix_socket_connect_first(struct ckpt_fd_thaw *thaw, size_t from,
                                   const struct ckpt_unix_name *name, struct ckpt_error *error);

/** The name of a datagram socket of the kind "Unix socket end"; NULL: it is none. */
const struct ckpt_unix_name *ckpt_unix_socket_name(const struct ckpt_image_view *image,
                                                   const struct ckpt_image_fd *entry);

#endif
