/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See socket_facts.h.
 */
#include "engine/parked/socket_facts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"

#define ADDRESS_MAX 32 /* bytes of an address of either family */
#define TEXT_MAX 64    /* of one as text */

int ckpt_socket_option(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;

    ckpt_syscall(SYS_getsockopt, fd, level, name, &value, &size, 0);
    return value;
}

long ckpt_socket_set(int fd, int level, int name, int value)
{
    return ckpt_syscall(SYS_setsockopt, fd, level, name, &value, sizeof value, 0);
}

/* Parked code must not call libc's inet_ntop(). */
void ckpt_socket_address_text(const uint8_t *address, char *text, size_t size)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;

    if (v4->sin_family == AF_INET) {
        const uint8_t *a = (const uint8_t *)&v4->sin_addr;

        ckpt_raw_format(text, size, "%u.%u.%u.%u:%u", a[0], a[1], a[2], a[3], ntohs(v4->sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        const uint8_t *a = v6->sin6_addr.s6_addr + 12;

        ckpt_raw_format(text, size, "%u.%u.%u.%u:%u", a[0], a[1], a[2], a[3], ntohs(v6->sin6_port));
    } else {
        size_t length = ckpt_raw_format(text, size, "[");

        for (int i = 0; i < 8; i++)
            length += ckpt_raw_format(text + length, size - length, "%s%x", i ? ":" : "",
                                      (v6->sin6_addr.s6_addr[2 * i] << 8) |
                                          v6->sin6_addr.s6_addr[2 * i + 1]);
        ckpt_raw_format(text + length, size - length, "]:%u", ntohs(v6->sin6_port));
    }
}

void ckpt_socket_peer_text(int fd, char *text, size_t size)
{
    uint8_t peer[ADDRESS_MAX];
    socklen_t length = sizeof peer;

    if (ckpt_syscall(SYS_getpeername, fd, peer, &length, 0, 0, 0) == 0)
        ckpt_socket_address_text(peer, text, size);
    else
        ckpt_raw_format(text, size, "an unknown peer");
}

unsigned ckpt_socket_tcp_state(int fd)
{
    int family = ckpt_socket_option(fd, SOL_SOCKET, SO_DOMAIN);
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    if ((family != AF_INET && family != AF_INET6) ||
        ckpt_socket_option(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP)
        return 0;
    ckpt_syscall(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &size, 0);
    return info.tcpi_state;
}

static const char *state_text(unsigned state)
{
    switch (state) {
    case TCP_SYN_SENT:
        return ", which is not established yet";
    case TCP_CLOSE_WAIT:
        return ", whose peer has closed its side";
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
        return ", which the JVM has closed for writing";
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return ", which both sides are closing";
    default:
        return "";
    }
}

void ckpt_socket_tcp_text(int fd, unsigned state, char *text, size_t size)
{
    uint8_t own[ADDRESS_MAX];
    socklen_t length = sizeof own;
    char here[TEXT_MAX] = "an unknown address", there[TEXT_MAX];

    if (ckpt_syscall(SYS_getsockname, fd, own, &length, 0, 0, 0) == 0)
        ckpt_socket_address_text(own, here, sizeof here);
    ckpt_socket_peer_text(fd, there, sizeof there);
    ckpt_raw_format(text, size, "a TCP connection from %s to %s%s", here, there, state_text(state));
}
