/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Checks which user is at the other end of a connection to the HTTP endpoint. The JVM's user and
 * root may use it.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_PEER_H
#define CKPT_AGENT_REQUESTS_HTTP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

/** The address of one end of a connection; IPv4 addresses are mapped. */
struct ckpt_peer_address {
    struct in6_addr address;
    uint16_t port;
};

/** A socket in /proc/net/tcp or tcp6. */
struct ckpt_peer_socket {
    struct ckpt_peer_address local, remote;
    uid_t uid;
    unsigned long inode; /**< 0: no process has it any more, and @uid is meaningless */
};

/** Parse one line; false if it does not describe a socket. */
bool ckpt_peer_socket_parse(const char *line, struct ckpt_peer_socket *ret);

/** Whether the peer of a connected Unix or TCP socket is served. */
bool ckpt_peer_is_allowed(int fd);

#endif
