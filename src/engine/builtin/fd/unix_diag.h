/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What only the kernel's socket diagnosis (sock_diag(7)) reports about a Unix socket, and the
 * descriptors of this process that are Unix sockets.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_UNIX_DIAG_H
#define CKPT_ENGINE_BUILTIN_FD_UNIX_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"

struct ckpt_unix_diag {
    /** 0: it has none, the peer is closed, or it is a connection that was not accepted yet. */
    uint64_t peer;
    uint32_t file;     /**< the lower half of the inode of its file; 0: it has none */
    uint32_t waiting;  /**< of a listener: connections that wait to be accepted */
    uint32_t backlog;  /**< of a listener */
    uint32_t shutdown; /**< 1: for reading, 2: for writing */
};

/**
 * Ask about the socket with this inode. No privilege is needed, but the address family AF_NETLINK.
 * If this process has many sockets, the answer is that of the walk's start.
 * @return whether the kernel answered
 */
bool ckpt_unix_diag(struct ckpt_gather *gather, uint64_t inode, struct ckpt_unix_diag *ret_diag);

/**
 * A descriptor of this process that is the Unix socket with this inode and not one of the agent's
 * own, or -1. The list is made once in a walk.
 */
int ckpt_unix_find(struct ckpt_gather *gather, uint64_t inode);

/** Call @matches with each such descriptor; returns the first for which it is true, or -1. */
int ckpt_unix_find_by(struct ckpt_gather *gather, bool (*matches)(void *context, int fd),
                      void *context);

#endif
