/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * TCP connections that have ended while the application still has their descriptor: reset by the
 * peer, or closed by both sides.  Nothing can be sent over them, so they need not prevent a
 * checkpoint.  But the application may not have noticed the end yet, and must see the same after a
 * restore: it can read the bytes that had arrived, then gets the end of the stream or an error;
 * poll() reports a hang-up, and writing fails.
 *
 * A pending error of a socket cannot be read without clearing it (SO_ERROR, MSG_PEEK), so it is
 * inferred: a reset if the connection was established, a refusal if it was not.
 *
 * A restore makes a connection of this process to itself over the loopback interface and ends it in
 * the same way.  Only the kernel's entry in the state TIME_WAIT remains of the other side.
 */
#include "engine/builtin/fd/ended_connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define LOOPBACK_MS 1000 /* a packet filter may drop the packets without an error */

static bool wait_for(int fd, short events, long ms, short *ret_events)
{
    struct pollfd poll = {.fd = fd, .events = events};
    struct timespec timeout = ckpt_clock_from_ms(ms);
    long ready = ckpt_syscall(SYS_ppoll, &poll, 1, &timeout, NULL, 0, 0);

    *ret_events = poll.revents;
    return ready > 0;
}

/* ---- freezing ---- */

/*
 * Whether the connection was ever established: then it has a measured round-trip time or TCP
 * options.
 */
static bool was_established(const struct tcp_info *info)
{
    return info->tcpi_rtt || info->tcpi_options;
}

enum ckpt_ended ckpt_ended_connection_state(int fd, int protocol, const struct tcp_info *info)
{
    short events;

    if (protocol != IPPROTO_TCP) /* MPTCP: the state of one path is not that of the connection */
        return CKPT_ENDED_NOT;
    wait_for(fd, POLLIN | POLLOUT | POLLRDHUP, 0, &events);
    switch (info->tcpi_state) {
    case TCP_CLOSE:
        /* The end of a connection shuts both sides down. POLLHUP only means the state CLOSE. */
        if (!(events & (POLLRDHUP | POLLERR)))
            return CKPT_ENDED_NOT;
        break;
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        if (!(events & POLLHUP))
            return CKPT_ENDED_NOT;
        break;
    default:
        return CKPT_ENDED_NOT;
    }
    return !(events & POLLERR)     ? CKPT_ENDED_CLOSED
           : was_established(info) ? CKPT_ENDED_RESET
                                   : CKPT_ENDED_REFUSED;
}

long ckpt_ended_connection_unread(int fd, char *ret_bytes)
{
    int unread = 0;

    if (ckpt_sys_ioctl(fd, FIONREAD, &unread) < 0)
        return -1;
    if (unread <= 0)
        return 0;
    if ((size_t)unread > CKPT_ENDED_UNREAD_MAX)
        return -unread;
    return ckpt_syscall(SYS_recvfrom, fd, ret_bytes, unread, MSG_PEEK | MSG_DONTWAIT, NULL, 0) ==
                   unread
               ? unread
               : -unread;
}

/*
 * Whether @fd has a port: then binding it to a port that is in use fails with EINVAL, and otherwise
 * with another error.
 */
static bool has_port_v4(int fd)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t size = sizeof any;
    long other = ckpt_syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    bool has = true;

    if (other < 0)
        return true;
    if (ckpt_syscall(SYS_bind, other, &any, size, 0, 0, 0) == 0 &&
        ckpt_syscall(SYS_getsockname, other, &any, &size, 0, 0, 0) == 0)
        has = ckpt_syscall(SYS_bind, fd, &any, size, 0, 0, 0) == -EINVAL;
    ckpt_sys_close((int)other);
    return has;
}

bool ckpt_ended_connection_has_port(int fd)
{
    int only_v6 = ckpt_socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);

    if (ckpt_socket_option(fd, SOL_SOCKET, SO_DOMAIN) != AF_INET6)
        return has_port_v4(fd);
    /* The kernel refuses to set this option, even to the same value, if the socket has a port. */
    return ckpt_syscall(SYS_setsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6,
                        0) == -EINVAL;
}

/* ---- thawing ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t loopback(int family, union address *ret)
{
    static const uint8_t one[16] = {[15] = 1};

    *ret = (union address){.any.sa_family = (sa_family_t)family};
    if (family == AF_INET) {
        ret->v4.sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
        return sizeof ret->v4;
    }
    __builtin_memcpy(&ret->v6.sin6_addr, one, sizeof one);
    return sizeof ret->v6;
}

/* Replace 127.0.0.1 by the IPv6 address that is mapped to it. */
static socklen_t map_v4(union address *address)
{
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    in_port_t port = address->v4.sin_port;

    *address = (union address){.v6 = {.sin6_family = AF_INET6, .sin6_port = port}};
    __builtin_memcpy(&address->v6.sin6_addr, mapped, sizeof mapped);
    return sizeof address->v6;
}

static long new_socket(int family, int flags)
{
    return ckpt_syscall(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, 0, 0, 0);
}

/*
 * Connect @fd to @port of this process, where perhaps no socket listens, and wait for the result.
 */
static long connect_to(int fd, int port, int family, bool map)
{
    union address address;
    socklen_t size = sizeof address;
    long failed = ckpt_syscall(SYS_getsockname, port, &address, &size, 0, 0, 0);
    short events;

    if (failed < 0)
        return failed;
    if (family == AF_INET6 && map)
        size = map_v4(&address);
    failed = ckpt_syscall(SYS_connect, fd, &address, size, 0, 0, 0);
    if (failed == -EINPROGRESS)
        failed = wait_for(fd, POLLOUT, LOOPBACK_MS, &events) ? 0 : -ETIMEDOUT;
    return failed;
}

/* Send the unread bytes from the other side, then end the connection. */
static long end(int fd, int other, enum ckpt_ended how, const void *unread, size_t size)
{
    struct linger now = {.l_onoff = 1};
    short events;

    if (size && ckpt_syscall(SYS_sendto, other, unread, size, MSG_NOSIGNAL, NULL, 0) != (long)size)
        return -EIO;
    if (how == CKPT_ENDED_RESET)
        ckpt_syscall(SYS_setsockopt, other, SOL_SOCKET, SO_LINGER, &now, sizeof now, 0);
    else
        ckpt_syscall(SYS_shutdown, other, SHUT_WR, 0, 0, 0, 0);
    if (how == CKPT_ENDED_RESET)
        ckpt_sys_close(other);
    wait_for(fd, POLLRDHUP, LOOPBACK_MS, &events);
    if (how == CKPT_ENDED_CLOSED) {
        ckpt_syscall(SYS_shutdown, fd, SHUT_WR, 0, 0, 0, 0);
        ckpt_sys_close(other);
    }
    return 0;
}

static long make(int fd, int family, bool map, enum ckpt_ended how, const void *unread, size_t size)
{
    int inner = family == AF_INET6 && map ? AF_INET : family;
    long port = new_socket(inner, 0), other = -1, failed;
    union address address;
    socklen_t length = loopback(inner, &address);

    if (port < 0)
        return port;
    failed = ckpt_syscall(SYS_bind, port, &address, length, 0, 0, 0);
    if (failed == 0 && how != CKPT_ENDED_REFUSED)
        failed = ckpt_syscall(SYS_listen, port, 1, 0, 0, 0, 0);
    if (failed == 0)
        failed = connect_to(fd, (int)port, family, map);
    if (failed == 0 && how != CKPT_ENDED_REFUSED) {
        other = ckpt_syscall(SYS_accept4, port, NULL, NULL, SOCK_CLOEXEC, 0, 0);
        failed = other < 0 ? other : end(fd, (int)other, how, unread, size);
    }
    ckpt_sys_close((int)port);
    return failed;
}

long ckpt_ended_connection_make(int family, bool only_v6, enum ckpt_ended how, const void *unread,
                                size_t size)
{
    long fd = new_socket(family, SOCK_NONBLOCK);
    long failed;

    if (fd < 0)
        return fd;
    failed = make((int)fd, family, !only_v6, how, unread, size);
    if (failed == 0)
        return fd;
    ckpt_sys_close((int)fd);
    if (size)
        return failed;
    /* There is no loopback interface: a socket that never was connected behaves the same, except
     * that it has no error. */
    fd = new_socket(family, 0);
    if (fd >= 0)
        ckpt_syscall(SYS_shutdown, fd, SHUT_RDWR, 0, 0, 0, 0);
    return fd;
}
