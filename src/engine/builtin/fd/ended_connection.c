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
 * A connection that only the peer has closed has ended too, if no process has the peer's socket
 * (kind_tcp.c): what this end sends then is answered by a reset.
 *
 * A restore makes a connection of this process to itself over a loopback interface (loopback.c) and
 * ends it in the same way; its addresses are others, because those that it had may be in use. A
 * rehearsal does the same, because it may fail where bytes were not read.
 */
#include "engine/builtin/fd/ended_connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/poll.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/loopback.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/tcp_queue.h"

#define LOOPBACK_MS 1000 /* a packet filter may drop the packets without an error */

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
    short events = ckpt_sys_poll(fd, POLLIN | POLLOUT | POLLRDHUP, 0);

    if (protocol != IPPROTO_TCP) /* MPTCP: the state of one path is not that of the connection */
        return CKPT_ENDED_NOT;
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
    uint8_t address[32];
    uint32_t size = ckpt_socket_loopback(AF_INET, address);
    long fd =
        ckpt_syscall(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0, 0);
    long bound = ckpt_syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    bool failed = fd < 0 || bound < 0 || ckpt_syscall(SYS_bind, bound, address, size, 0, 0, 0) < 0;
    uint16_t port = failed ? 0 : ckpt_socket_own_port((int)bound);

    size = ckpt_socket_loopback(family, address);
    *ckpt_socket_port(address) = port;
    failed = failed || ckpt_syscall(SYS_connect, fd, address, size, 0, 0, 0) != -EINPROGRESS ||
             !(ckpt_sys_poll((int)fd, POLLOUT, LOOPBACK_MS) & POLLERR);
    if (bound >= 0)
        ckpt_sys_close((int)bound);
    if (failed && fd >= 0)
        ckpt_sys_close((int)fd);
    return failed ? -ENETDOWN : fd;
}

static bool receive(int fd, int other, const struct ckpt_ended_end *end)
{
    const struct ckpt_tcp_queue queue = {.size = (uint32_t)end->size,
                                         .urgent = CKPT_TCP_NOT_URGENT};
    struct ckpt_error error;

    ckpt_socket_buffers_set(fd, 0, end->receive_buffer);
    return ckpt_tcp_queue_fill(other, fd, &queue, end->unread, &error) == 0 &&
           ckpt_tcp_queue_drain(other, fd);
}

static int cannot_receive(int fd, int other, const struct ckpt_ended_end *end,
                          struct ckpt_error *error)
{
    ckpt_sys_close(fd);
    ckpt_loopback_done(other);
    return ckpt_error_set(error, 0,
                          "the %lu unread bytes of a connection that has ended do not fit the "
                          "buffers here; raise net.ipv4.tcp_rmem to what it was where the JVM was "
                          "frozen",
                          (unsigned long)end->size);
}

static void finish(int fd, int other, enum ckpt_ended how)
{
    if (how == CKPT_ENDED_CLOSED) {
        ckpt_socket_shut(other, SHUT_WR + 1);
        ckpt_sys_poll(fd, POLLRDHUP, LOOPBACK_MS);
        ckpt_socket_shut(fd, SHUT_WR + 1);
        ckpt_sys_poll(other, POLLRDHUP, LOOPBACK_MS);
    }
    if (how == CKPT_ENDED_BY_PEER)
        ckpt_loopback_close();
    else
        ckpt_loopback_done(other);
    ckpt_sys_poll(fd, POLLRDHUP, LOOPBACK_MS);
}

/*
 * Without a network: a Unix socket reports a reset in the same way; and a socket that never was
 * connected reports the end.
 */
static long make_without_network(int family, enum ckpt_ended how)
{
    long fd;

    if (how == CKPT_ENDED_RESET)
        return ckpt_ended_connection_make_unix(SOCK_STREAM);
    fd = ckpt_syscall(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    if (fd >= 0)
        ckpt_socket_shut((int)fd, SHUT_RDWR + 1);
    return fd;
}

int ckpt_ended_connection_make(int first_own_fd, int family, const struct ckpt_ended_end *end,
                               struct ckpt_error *error)
{
    enum ckpt_ended how = end->how;
    long fd = how == CKPT_ENDED_REFUSED ? make_refused(family) : -1;
    int other;

    if (fd >= 0)
        return (int)fd;
    if (how == CKPT_ENDED_REFUSED)
        how = CKPT_ENDED_RESET;
    fd = ckpt_loopback_connect(first_own_fd, family, &other);
    if (fd >= 0 && !receive((int)fd, other, end))
        return cannot_receive((int)fd, other, end, error);
    if (fd >= 0)
        finish((int)fd, other, how);
    else if (end->size == 0)
        fd = make_without_network(family, how);
    return fd >= 0 ? (int)fd
                   : ckpt_error_set(error, (int)-fd,
                                    "cannot make a connection over the loopback interface, for one "
                                    "that has ended, with unread data; set it up ('ip link set lo "
                                    "up')");
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
