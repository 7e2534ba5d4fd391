/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What is queued in a Unix socket: read without taking it out, and sent again.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_UNIX_QUEUE_H
#define CKPT_ENGINE_BUILTIN_FD_UNIX_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/parked/gather.h"

/** The largest queue that is kept, with its headers. */
#define CKPT_UNIX_QUEUE_MAX ((size_t)16 << 20)

/** A message, or all bytes of a stream; its bytes follow, padded to a multiple of 4. */
struct ckpt_unix_message {
    uint32_t size;
    uint32_t reserved;
};

/** Whether descriptors that were passed (SCM_RIGHTS) are queued, or that cannot be known. */
bool ckpt_unix_queue_has_descriptors(const struct ckpt_live_fd *live);

/**
 * Copy the queue of a socket. All threads must be parked, because its SO_PEEK_OFF is changed
 * meanwhile.
 * @param room  bytes to leave free at the start of the buffer
 * @return a buffer with the messages from @room on, *ret_size bytes without @room, valid until the
 *         next call. NULL with *ret_refused: why it cannot be kept; or with @error
 */
char *ckpt_unix_queue_read(struct ckpt_gather *gather, const struct ckpt_live_fd *live, int type,
                           size_t room, size_t *ret_size, const char **ret_refused,
                           struct ckpt_error *error);

/** Whether @size bytes of an image are a sequence of messages; *ret_count of them. */
bool ckpt_unix_queue_is_valid(const void *messages, size_t size, uint32_t *ret_count);

/** Send the messages through @from, a socket that is connected to the one that had them. */
int ckpt_unix_queue_send(int from, int type, const void *messages, size_t size,
                         struct ckpt_error *error);

#endif
