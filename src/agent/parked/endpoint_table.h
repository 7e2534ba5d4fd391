/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The descriptors of the HTTP endpoint, which an image leaves out.  endpoint_fds.c adds and removes
 * them, and none comes or goes while the process is being frozen.
 */
#ifndef CKPT_AGENT_PARKED_ENDPOINT_TABLE_H
#define CKPT_AGENT_PARKED_ENDPOINT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/** The most that there can be at a time. */
#define CKPT_HTTP_FDS_MAX 32

struct ckpt_http_fd {
    int fd;
    bool connection, stranger;
    bool served;    /**< another thread may be about to write there */
    int64_t age_ms; /**< since it was made or a request was answered */
};

extern struct ckpt_http_fds {
    struct ckpt_http_fd table[CKPT_HTTP_FDS_MAX];
    size_t count;
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /**< of a Unix socket; "": none */
} ckpt_http_fds;

/**
 * In a restored process, before any other thread runs: take the numbers.  The endpoint's thread
 * closes them in its own time.
 */
void ckpt_http_hold(void);

/** Remove the name of a Unix socket.  May be called by ordinary code too. */
void ckpt_http_unlink(void);

#endif
