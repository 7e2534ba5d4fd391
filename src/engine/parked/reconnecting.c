/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See reconnecting.h.
 */
#include "engine/parked/reconnecting.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/syscall.h"
#include "engine/parked/socket_facts.h"

/* The port is at the same offset in the addresses of both families. */
static bool is_listed(const uint16_t *ports, size_t count, const struct sockaddr_in6 *address)
{
    for (size_t i = 0; i < count; i++)
        if (ports[i] == ntohs(address->sin6_port))
            return true;
    return false;
}

/* Whether two addresses are the same, whatever their ports are. */
static bool is_same_host(const struct sockaddr_in6 *one, const struct sockaddr_in6 *other)
{
    const struct sockaddr_in *v4 = (const void *)one, *other_v4 = (const void *)other;

    return one->sin6_family == AF_INET
               ? v4->sin_addr.s_addr == other_v4->sin_addr.s_addr
               : __builtin_memcmp(&one->sin6_addr, &other->sin6_addr, 16) == 0;
}

/* Whether it is a TCP socket that listens, or does not, as @listening says. */
static bool is_tcp(int fd, bool listening)
{
    int domain = ckpt_socket_option(fd, SOL_SOCKET, SO_DOMAIN);

    return (domain == AF_INET || domain == AF_INET6) &&
           ckpt_socket_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
           (ckpt_socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 0) == listening;
}

bool ckpt_reconnects(int fd, const uint16_t *ports, size_t count)
{
    struct sockaddr_in6 own = {0}, peer = {0};
    uint32_t size = sizeof own, peer_size = sizeof peer;

    if (!count || !is_tcp(fd, false) || ckpt_syscall(SYS_getsockname, fd, &own, &size, 0, 0, 0) < 0)
        return false;
    /* A connector server registers itself in the registry of its JVM, over a connection too. */
    return is_listed(ports, count, &own) ||
           (ckpt_syscall(SYS_getpeername, fd, &peer, &peer_size, 0, 0, 0) == 0 &&
            is_listed(ports, count, &peer) && is_same_host(&own, &peer));
}

bool ckpt_accepts_again(int fd, const uint16_t *ports, size_t count)
{
    struct sockaddr_in6 own = {0};
    uint32_t size = sizeof own;

    return count && is_tcp(fd, true) &&
           ckpt_syscall(SYS_getsockname, fd, &own, &size, 0, 0, 0) == 0 &&
           is_listed(ports, count, &own);
}
