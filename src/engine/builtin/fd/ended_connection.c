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
 * A restore makes a connection of this process to itself over a loopback interface (loopback.c) and
 * ends it in the same way.
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
#include "engine/builtin/fd/loopback.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/tcp_queue.h"

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

/*
 * A connection that was refused: nothing listens at the port. Without a loopback interface it was
 * reset, which the application takes in the same way.
 */
static long make_refused(int family)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    long fd =
        ckpt_syscall(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0, 0);
    long port = ckpt_syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
    bool failed = fd < 0 || port < 0;
    short events = 0;

    address.sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
    failed = failed || ckpt_syscall(SYS_bind, port, &address, size, 0, 0, 0) < 0 ||
             ckpt_syscall(SYS_getsockname, port, &address, &size, 0, 0, 0) < 0;
    mapped.sin6_port = address.sin_port;
    __builtin_memset(mapped.sin6_addr.s6_addr + 10, 0xff, 2);
    __builtin_memcpy(mapped.sin6_addr.s6_addr + 12, &address.sin_addr, 4);
    if (!failed && family == AF_INET)
        failed = ckpt_syscall(SYS_connect, fd, &address, sizeof address, 0, 0, 0) != -EINPROGRESS;
    else if (!failed)
        failed = ckpt_syscall(SYS_connect, fd, &mapped, sizeof mapped, 0, 0, 0) != -EINPROGRESS;
    if (!failed)
        failed = !wait_for((int)fd, POLLOUT, LOOPBACK_MS, &events) || !(events & POLLERR);
    if (port >= 0)
        ckpt_sys_close((int)port);
    if (failed && fd >= 0)
        ckpt_sys_close((int)fd);
    return failed ? -ENETDOWN : fd;
}

/* Send the unread bytes from the other end, then end the connection. */
static long end(int fd, int other, enum ckpt_ended how, const void *unread, size_t size)
{
    const struct ckpt_tcp_queue queue = {.size = (uint32_t)size, .urgent = CKPT_TCP_NOT_URGENT};
    struct ckpt_error error;
    short events;

    if (ckpt_tcp_queue_fill(other, fd, &queue, unread, &error) < 0 ||
        !ckpt_tcp_queue_drain(other, fd))
        return -EIO;
    if (how == CKPT_ENDED_RESET)
        ckpt_loopback_done(other);
    else
        ckpt_syscall(SYS_shutdown, other, SHUT_WR, 0, 0, 0, 0);
    wait_for(fd, POLLRDHUP, LOOPBACK_MS, &events);
    if (how == CKPT_ENDED_CLOSED) {
        ckpt_syscall(SYS_shutdown, fd, SHUT_WR, 0, 0, 0, 0);
        wait_for(other, POLLRDHUP, LOOPBACK_MS, &events);
    }
    return 0;
}

/*
 * Without a network: a Unix socket reports a reset in the same way; and a socket that never was
 * connected reports the end.
 */
static long make_without_network(int family, enum ckpt_ended how)
{
    long fd;

    if (how != CKPT_ENDED_CLOSED)
        return ckpt_ended_connection_make_unix(SOCK_STREAM);
    fd = ckpt_syscall(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    if (fd >= 0)
        ckpt_syscall(SYS_shutdown, fd, SHUT_RDWR, 0, 0, 0, 0);
    return fd;
}

long ckpt_ended_connection_make(int first_own_fd, int family, enum ckpt_ended how,
                                const void *unread, size_t size)
{
    long fd = how == CKPT_ENDED_REFUSED ? make_refused(family) : -1, failed;
    int other;

    if (fd >= 0)
        return fd;
    if (how == CKPT_ENDED_REFUSED)
        how = CKPT_ENDED_RESET;
    fd = ckpt_loopback_connect(first_own_fd, family, &other);
    if (fd < 0)
        return size ? fd : make_without_network(family, how);
    failed = end((int)fd, other, how, unread, size);
    ckpt_loopback_done(other);
    if (failed == 0)
        return fd;
    ckpt_sys_close((int)fd);
    return failed;
}

long ckpt_ended_connection_make_unix(int type)
{
    int ends[2];
    long failed = ckpt_syscall(SYS_socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, ends, 0, 0);

    if (failed < 0)
        return failed;
    /* An end that is closed before it has read all resets the connection. */
    ckpt_syscall(SYS_sendto, ends[0], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    ckpt_sys_close(ends[1]);
    return ends[0];
}
