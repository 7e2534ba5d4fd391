/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The multicast groups that a socket has joined.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_MULTICAST_H
#define CKPT_ENGINE_BUILTIN_FD_MULTICAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scratch.h"
#include "engine/builtin/fd/socket_options.h"

/**
 * Append the memberships of a socket to @to, an array of bytes.
 * @return their number, or -1 with @error
 */
int ckpt_multicast_save(int fd, struct ckpt_array *to, struct ckpt_scratch *scratch,
                        struct ckpt_error *error);

/** Whether @size bytes of an image are @count memberships. */
bool ckpt_multicast_valid(const void *data, size_t size, uint32_t count);

/** Join the groups. In a rehearsal only find the interfaces, because a router sees who joins. */
int ckpt_multicast_join(int fd, const void *data, uint32_t count, bool rehearsal,
                        struct ckpt_error *error);

/** Write ", in 239.1.2.3 on eth0" and so on. */
void ckpt_multicast_describe(const void *data, uint32_t count, char *text, size_t size);

#endif
