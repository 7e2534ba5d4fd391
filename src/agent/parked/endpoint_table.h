/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The descriptors of the HTTP endpoint, which are not in an image. endpoint_fds.c adds and removes
 * them, but not while the process is being frozen.
 */
#ifndef CKPT_AGENT_PARKED_ENDPOINT_TABLE_H
#define CKPT_AGENT_PARKED_ENDPOINT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/** The largest number of descriptors that the endpoint has at a time. */
#define CKPT_ENDPOINT_FDS_MAX 32

struct ckpt_endpoint_fd {
    int fd;
    bool connection;
    bool forbidden; /**< the peer has no right to use the endpoint */
    bool served;    /**< its request is being carried out, so another thread may be writing to it */
    int64_t age_ms; /**< time since it was opened or its last request was answered */
};

extern struct ckpt_endpoint_table {
    struct ckpt_endpoint_fd entries[CKPT_ENDPOINT_FDS_MAX];
    size_t count;
    /** path of the Unix socket; "": there is none */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
} ckpt_endpoint_table;

/**
 * In a restored process, before any other thread runs: reserve the descriptor numbers. The
 * endpoint's thread closes them later.
 */
void ckpt_endpoint_table_reserve(void);

/** Remove the name of the Unix socket. Ordinary code may call it too. */
void ckpt_endpoint_table_unlink(void);

#endif
