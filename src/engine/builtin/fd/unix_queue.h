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
#include "engine/builtin/fd/unix_state.h"
#include "engine/builtin/parked/gather.h"

/** The largest queue that is kept, with its headers. */
#define CKPT_UNIX_QUEUE_MAX ((size_t)16 << 20)

/**
 * Part of the image's format: a message, or all bytes of a stream.  The sender's address and the
 * bytes follow, each padded to a multiple of 4.
 */
struct ckpt_unix_message {
    uint32_t size;
    uint16_t sender_size; /**< 0: the sender has no name */
    uint16_t reserved;
};

/** A message of a queue. */
struct ckpt_unix_queued {
    uint32_t size, sender_size;
    const void *sender;
    const char *bytes;
};

/** Why messages that were read cannot be queued again, or NULL. */
typedef const char *ckpt_unix_why_not_fn(struct ckpt_gather *gather,
                                         const struct ckpt_unix_state *state, const void *messages,
                                         size_t size);

/**
 * Save @data of a socket, and what is queued in it after that, or refuse it. While threads run, the
 * queue is not read, because SO_PEEK_OFF is changed meanwhile.
 */
int ckpt_unix_queue_save(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                         const struct ckpt_unix_state *state, const void *data, size_t data_size,
                         ckpt_unix_why_not_fn *why_not, struct ckpt_image_fd *entry,
                         struct ckpt_error *error);

/**
 * Whether the queue that was sent through @from has empty messages that were not found: the kernel
 * passes over one that was peeked at before, by an earlier checkpoint or by the application.
 */
bool ckpt_unix_queue_lacks_empty(int from, int type, const void *messages, size_t size);

/** Whether @size bytes of an image are a sequence of messages; *ret_count of them. */
bool ckpt_unix_queue_is_valid(const void *messages, size_t size, uint32_t *ret_count);

/** The message at *at of a valid sequence, and move *at after it; false: there are no more. */
bool ckpt_unix_queue_next(const void *messages, size_t size, size_t *at,
                          struct ckpt_unix_queued *ret_message);

/** "3 messages not read yet", or nothing. Returns the length. */
size_t ckpt_unix_queue_describe(const void *messages, size_t messages_size, int type, char *text,
                                size_t size);

/** Send a message through @from, to its peer, or to an address of @size bytes. */
int ckpt_unix_queue_send(int from, int type, const struct ckpt_unix_queued *message,
                         const void *address, uint32_t size, struct ckpt_error *error);

#endif
