/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The state of one walk over the descriptors of this process (gather_fds.c).
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_WALK_H
#define CKPT_ENGINE_BUILTIN_FD_WALK_H

#include <stddef.h>

#include "base/raw.h"
#include "base/scratch.h"

struct ckpt_tcp_ends;

struct ckpt_fd_walk {
    struct ckpt_raw_lines lines;    /**< for ckpt_live_fd_info_lines() */
    struct ckpt_array open_files;   /**< uint32_t, for ckpt_open_files_find() */
    struct ckpt_array shared_opens; /**< for each shared object, how it is open (kind_shared.c) */
    struct ckpt_array sockets;      /**< Unix sockets of this process, once listed (unix_diag.c) */
    char *queue;                    /**< a buffer for what is queued in a socket (unix_queue.c) */
    struct ckpt_array *tcp_owned;   /**< tcp_peer.c; NULL: not read yet */
    size_t tcp_queued;              /**< unread bytes of TCP connections in the image */
    struct ckpt_tcp_ends *tcp_ends; /**< kind_tcp_pair.c; NULL: not listed yet */
    int failed;      /**< negative errno value if a list of the descriptors is not complete */
    int refused[64]; /**< descriptors that were refused, the first of each open file */
    size_t refused_count;
    unsigned closed_connections; /**< by --connections=close */
};

#endif
