/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The bytes in the queues of TCP connections.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_TCP_QUEUE_H
#define CKPT_ENGINE_BUILTIN_FD_TCP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/** How many bytes that were not read may be in an image, of all connections together. */
#define CKPT_TCP_QUEUED_MAX ((size_t)16 << 20)

/** What a socket has received and the application has not read. */
struct ckpt_tcp_queue {
    uint32_t size;   /**< bytes, without an urgent one */
    uint32_t urgent; /**< before which of them an urgent byte is; CKPT_TCP_NOT_URGENT: none */
    uint8_t urgent_byte;
    uint8_t reserved[7];
};
#define CKPT_TCP_NOT_URGENT UINT32_MAX

/**
 * Let @to, which receives from @from, receive all that @from has sent, also beyond the size of its
 * buffer, and the end of the stream if @from has sent that. Nothing is read.
 * @return whether all has arrived
 */
bool ckpt_tcp_queue_drain(int from, int to);

/** How many bytes @fd has received and not read, an urgent one included. */
size_t ckpt_tcp_queue_size(int fd);

/**
 * Copy what @fd has received, and leave it there.
 * @param size  of @ret_bytes, from ckpt_tcp_queue_size()
 * @return 0, or -1: the kernel does not show all of it
 */
int ckpt_tcp_queue_peek(int fd, char *ret_bytes, size_t size, struct ckpt_tcp_queue *ret_queue);

/** Send what @to had received from @from, again. 0, or -1 with @error. */
int ckpt_tcp_queue_fill(int from, int to, const struct ckpt_tcp_queue *queue, const char *bytes,
                        struct ckpt_error *error);

#endif
