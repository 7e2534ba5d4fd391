/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Who is at the other end of a connection to the HTTP endpoint, and whether that user may ask for
 * anything: the JVM's own, and root.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_PEER_H
#define CKPT_AGENT_REQUESTS_HTTP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

/** One end of a connection; IPv4 addresses are mapped. */
struct ckpt_http_end {
    struct in6_addr address;
    uint16_t port;
};

/** What /proc/net/tcp and tcp6 tell of a socket. */
struct ckpt_http_socket {
    struct ckpt_http_end local, remote;
    uid_t uid;
    unsigned long inode; /**< 0: no process has it any more, and then @uid says nothing */
};

/** Understand one line; false if it is none of a socket. */
bool ckpt_http_socket_parse(const char *line, struct ckpt_http_socket *ret);

/** Whether the peer of a connected Unix or TCP socket is served. */
bool ckpt_http_peer_is_allowed(int fd);

#endif
