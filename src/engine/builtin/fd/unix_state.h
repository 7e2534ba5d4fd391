/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The state of a Unix socket of this process that does not listen.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_UNIX_STATE_H
#define CKPT_ENGINE_BUILTIN_FD_UNIX_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/fd/unix_diag.h"
#include "engine/builtin/fd/unix_name.h"
#include "engine/builtin/parked/gather.h"

/** What is at the other end. */
enum ckpt_unix_end {
    CKPT_UNIX_NONE,   /**< not connected */
    CKPT_UNIX_CLOSED, /**< the other end is closed */
    CKPT_UNIX_PAIRED, /**< a socket of this process, whose other end is this one */
    CKPT_UNIX_TARGET, /**< a datagram socket of this process: this one, or one that is not connected
                           to this one */
    CKPT_UNIX_OUTSIDE, /**< a socket of another process, or that cannot be known */
};

struct ckpt_unix_state {
    int type;
    enum ckpt_unix_end end;
    bool known;  /**< the kernel's socket diagnosis has answered */
    bool failed; /**< an error can be read, such as that of a reset */
    struct ckpt_unix_diag diag;
    struct ckpt_unix_name name, peer_name; /**< without facts about the files */
};

void ckpt_unix_state_read(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_unix_state *ret_state);

/** Find the file of the socket's own name (ckpt_unix_name_find_file()). */
void ckpt_unix_state_find_file(struct ckpt_unix_state *state);

/**
 * Whether a socket of this process of @type is bound to @name; with @listening, one that listens
 * there. Sockets of different types can have the same abstract name.
 */
bool ckpt_unix_is_own_name(struct ckpt_gather *gather, const struct ckpt_unix_name *name, int type,
                           bool listening);

#endif
