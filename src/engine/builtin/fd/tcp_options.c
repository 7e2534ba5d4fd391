/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See tcp_options.h.  An option is in the image only if it differs from that of a new socket, so
 * that one which needs a privilege is only set where the application has set it.
 */
#include "engine/builtin/fd/tcp_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

/* When an option counts. */
enum {
    UNCONNECTED = 1, /* not in a connection: there it means nothing, or changes by itself */
    CONNECTED = 2,   /* only in a connection: kind_tcp.c saves it itself for other sockets */
    AFTER = 4,       /* CKPT_TCP_AFTER: earlier it would be in the way of making the connection */
};

/* Constants that older headers do not have are given as numbers. */
static const struct row {
    uint16_t level, name, size, when;
    const char *text;
} rows[] = {
    {SOL_SOCKET, SO_REUSEPORT, 4, CONNECTED | AFTER, "SO_REUSEPORT"},
    {SOL_SOCKET, SO_OOBINLINE, 4, CONNECTED | AFTER, "SO_OOBINLINE"},
    {SOL_SOCKET, SO_KEEPALIVE, 4, CONNECTED, "SO_KEEPALIVE"},
    {IPPROTO_TCP, TCP_NODELAY, 4, CONNECTED, "TCP_NODELAY"},
    {IPPROTO_IP, IP_TOS, 4, 0, "IP_TOS"}, /* before SO_PRIORITY, which it changes */
    {IPPROTO_IP, IP_TTL, 4, 0, "IP_TTL"},
    {IPPROTO_IP, IP_MTU_DISCOVER, 4, 0, "IP_MTU_DISCOVER"},
    {IPPROTO_IP, IP_RECVERR, 4, 0, "IP_RECVERR"},
    {IPPROTO_IP, IP_PKTINFO, 4, 0, "IP_PKTINFO"},
    {IPPROTO_IP, IP_RECVTTL, 4, 0, "IP_RECVTTL"},
    {IPPROTO_IP, IP_RECVTOS, 4, 0, "IP_RECVTOS"},
    {IPPROTO_IP, IP_FREEBIND, 4, 0, "IP_FREEBIND"},
    {IPPROTO_IP, IP_TRANSPARENT, 4, 0, "IP_TRANSPARENT"},
    {IPPROTO_IP, IP_MINTTL, 4, 0, "IP_MINTTL"},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 4, UNCONNECTED, "IP_BIND_ADDRESS_NO_PORT"},
    {IPPROTO_IP, 51, 4, UNCONNECTED, "IP_LOCAL_PORT_RANGE"},
    {IPPROTO_IPV6, IPV6_TCLASS, 4, 0, "IPV6_TCLASS"},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 4, 0, "IPV6_UNICAST_HOPS"},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, 4, 0, "IPV6_MTU_DISCOVER"},
    {IPPROTO_IPV6, IPV6_RECVERR, 4, 0, "IPV6_RECVERR"},
    {IPPROTO_IPV6, IPV6_DONTFRAG, 4, 0, "IPV6_DONTFRAG"},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 4, 0, "IPV6_RECVPKTINFO"},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 4, 0, "IPV6_RECVHOPLIMIT"},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, 4, 0, "IPV6_RECVTCLASS"},
    {IPPROTO_IPV6, 70, 4, 0, "IPV6_AUTOFLOWLABEL"},
    {IPPROTO_IPV6, 73, 4, 0, "IPV6_MINHOPCOUNT"},
    {IPPROTO_IPV6, 75, 4, 0, "IPV6_TRANSPARENT"},
    {IPPROTO_IPV6, 78, 4, 0, "IPV6_FREEBIND"},
    {SOL_SOCKET, SO_PRIORITY, 4, 0, "SO_PRIORITY"},
    {SOL_SOCKET, SO_MARK, 4, 0, "SO_MARK"},
    {SOL_SOCKET, SO_BINDTODEVICE, 16, 0, "SO_BINDTODEVICE"},
    {SOL_SOCKET, SO_DONTROUTE, 4, 0, "SO_DONTROUTE"},
    {SOL_SOCKET, SO_BUSY_POLL, 4, 0, "SO_BUSY_POLL"},
    {SOL_SOCKET, SO_INCOMING_CPU, 4, UNCONNECTED, "SO_INCOMING_CPU"},
    {SOL_SOCKET, SO_MAX_PACING_RATE, 8, 0, "SO_MAX_PACING_RATE"},
    {SOL_SOCKET, SO_TIMESTAMP, 4, 0, "SO_TIMESTAMP"},
    {SOL_SOCKET, SO_TIMESTAMPNS, 4, 0, "SO_TIMESTAMPNS"},
    {SOL_SOCKET, 60, 4, 0, "SO_ZEROCOPY"},
    {SOL_SOCKET, SO_RXQ_OVFL, 4, 0, "SO_RXQ_OVFL"},
    {SOL_SOCKET, 69, 4, 0, "SO_PREFER_BUSY_POLL"},
    {SOL_SOCKET, 75, 4, 0, "SO_RCVMARK"},
    {SOL_SOCKET, 82, 4, 0, "SO_RCVPRIORITY"},
    {SOL_SOCKET, SO_LINGER, 8, AFTER, "SO_LINGER"},
    {SOL_SOCKET, SO_RCVTIMEO, 16, AFTER, "SO_RCVTIMEO"},
    {SOL_SOCKET, SO_SNDTIMEO, 16, AFTER, "SO_SNDTIMEO"},
    {SOL_SOCKET, SO_RCVLOWAT, 4, AFTER, "SO_RCVLOWAT"},
    {SOL_SOCKET, SO_PEEK_OFF, 4, AFTER, "SO_PEEK_OFF"},
    {IPPROTO_TCP, TCP_KEEPIDLE, 4, 0, "TCP_KEEPIDLE"},
    {IPPROTO_TCP, TCP_KEEPINTVL, 4, 0, "TCP_KEEPINTVL"},
    {IPPROTO_TCP, TCP_KEEPCNT, 4, 0, "TCP_KEEPCNT"},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 4, 0, "TCP_USER_TIMEOUT"},
    {IPPROTO_TCP, TCP_SYNCNT, 4, 0, "TCP_SYNCNT"},
    {IPPROTO_TCP, TCP_LINGER2, 4, 0, "TCP_LINGER2"},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4, 0, "TCP_NOTSENT_LOWAT"},
    {IPPROTO_TCP, TCP_CONGESTION, 16, 0, "TCP_CONGESTION"},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 4, 0, "TCP_THIN_LINEAR_TIMEOUTS"},
    {IPPROTO_TCP, 36, 4, 0, "TCP_INQ"},
    {IPPROTO_TCP, 37, 4, 0, "TCP_TX_DELAY"},
    {IPPROTO_TCP, TCP_MAXSEG, 4, UNCONNECTED, "TCP_MAXSEG"},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, 4, UNCONNECTED, "TCP_WINDOW_CLAMP"},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, 4, UNCONNECTED, "TCP_DEFER_ACCEPT"},
    {IPPROTO_TCP, TCP_FASTOPEN, 4, UNCONNECTED, "TCP_FASTOPEN"},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 4, UNCONNECTED, "TCP_FASTOPEN_CONNECT"},
    {IPPROTO_TCP, 34, 4, UNCONNECTED, "TCP_FASTOPEN_NO_COOKIE"},
    {IPPROTO_TCP, TCP_SAVE_SYN, 4, UNCONNECTED, "TCP_SAVE_SYN"},
    {IPPROTO_TCP, TCP_CORK, 4, AFTER, "TCP_CORK"},
};
#define ROWS (sizeof rows / sizeof rows[0])
_Static_assert(ROWS <= CKPT_TCP_OPTIONS_MAX, "an image may have all of them");

/* Read an option; false if this kind of socket or this kernel does not have it. */
static bool get(int fd, const struct row *row, struct ckpt_tcp_option *ret)
{
    *ret = (struct ckpt_tcp_option){.level = row->level, .name = row->name, .size = row->size};
    return ckpt_syscall(SYS_getsockopt, fd, row->level, row->name, ret->value, &ret->size, 0) ==
               0 &&
           ret->size <= row->size;
}

static bool same(const struct ckpt_tcp_option *left, const struct ckpt_tcp_option *right)
{
    return left->size == right->size &&
           __builtin_memcmp(left->value, right->value, left->size) == 0;
}

int ckpt_tcp_options_save(int fd, bool connected, struct ckpt_tcp_option *ret_options,
                          struct ckpt_error *error)
{
    long fresh = ckpt_syscall(SYS_socket, ckpt_socket_option(fd, SOL_SOCKET, SO_DOMAIN),
                              SOCK_STREAM | SOCK_CLOEXEC,
                              ckpt_socket_option(fd, SOL_SOCKET, SO_PROTOCOL), 0, 0, 0);
    struct ckpt_tcp_option usual;
    int count = 0;

    if (fresh < 0)
        return ckpt_error_set(error, (int)-fresh, "cannot make a socket");
    for (size_t i = 0; i < ROWS; i++)
        if (!(rows[i].when & (connected ? UNCONNECTED : CONNECTED)) &&
            get(fd, &rows[i], &ret_options[count]))
            count += !get((int)fresh, &rows[i], &usual) || !same(&usual, &ret_options[count]);
    ckpt_sys_close((int)fresh);
    return count;
}

static const struct row *find_row(const struct ckpt_tcp_option *option)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].level == option->level && rows[i].name == option->name)
            return &rows[i];
    return NULL;
}

bool ckpt_tcp_options_valid(const struct ckpt_tcp_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = find_row(&options[i]);

        if (!row || options[i].size > row->size)
            return false;
    }
    return count <= CKPT_TCP_OPTIONS_MAX;
}

int ckpt_tcp_options_set(int fd, const struct ckpt_tcp_option *options, size_t count,
                         enum ckpt_tcp_stage stage, struct ckpt_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = find_row(&options[i]);
        struct ckpt_tcp_option now;
        long failed;

        if (!row || !!(row->when & AFTER) != (stage == CKPT_TCP_AFTER) ||
            (get(fd, row, &now) && same(&now, &options[i])))
            continue;
        failed = ckpt_syscall(SYS_setsockopt, fd, row->level, row->name, options[i].value,
                              options[i].size, 0);
        if (failed < 0)
            return ckpt_error_set(error, (int)-failed, "cannot set a socket's option %s%s",
                                  row->text,
                                  failed == -EPERM ? "; restore with the privileges of the JVM "
                                                     "that was frozen"
                                                   : "");
    }
    return 0;
}

const char *ckpt_tcp_options_obstacle(int fd)
{
    uint8_t unused[16] = {0};
    uint32_t size = 0;

    /* SO_GET_FILTER writes the number of the filter's instructions. */
    if (ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, NULL, &size, 0) == 0 && size)
        return "a packet filter";
    size = sizeof unused;
    if (ckpt_syscall(SYS_getsockopt, fd, IPPROTO_TCP, TCP_ULP, unused, &size, 0) == 0 &&
        unused[0] && !ckpt_raw_equal((const char *)unused, "mptcp"))
        return "a protocol of the kernel's on top of it (TCP_ULP)";
    return NULL;
}
