/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See sockets.h.
 */
#include "engine/builtin/fd/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/syscall.h"

#define NETNS_COOKIE 71 /* SO_NETNS_COOKIE, Linux 5.14 */

int ckpt_socket_address(int fd, void *ret_address, uint32_t *size, struct ckpt_error *error)
{
    long failed = ckpt_syscall(SYS_getsockname, fd, ret_address, size, 0, 0, 0);

    return failed < 0
               ? ckpt_error_set(error, (int)-failed, "cannot read the address of descriptor %d", fd)
               : 0;
}

int ckpt_socket_option_required(int fd, int level, int name, int *ret_value,
                                struct ckpt_error *error)
{
    socklen_t size = sizeof *ret_value;
    long failed;

    *ret_value = 0;
    failed = ckpt_syscall(SYS_getsockopt, fd, level, name, ret_value, &size, 0);
    if (failed == 0 || failed == -ENOPROTOOPT || failed == -EOPNOTSUPP)
        return 0; /* this kind of socket or this kernel does not have the option */
    return ckpt_error_set(error, (int)-failed, "cannot read an option of descriptor %d", fd);
}

bool ckpt_socket_is_inet(const struct ckpt_live_fd *live, int protocol)
{
    int family;

    if (!S_ISSOCK(live->status.st_mode))
        return false;
    family = ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN);
    return (family == AF_INET || family == AF_INET6) &&
           ckpt_socket_option(live->number, SOL_SOCKET, SO_PROTOCOL) == protocol;
}

bool ckpt_socket_is_unix(const struct ckpt_live_fd *live)
{
    return S_ISSOCK(live->status.st_mode) &&
           ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN) == AF_UNIX;
}

bool ckpt_socket_same_namespace(int left, int right)
{
    uint64_t of[2] = {0}; /* each namespace has a number of its own */
    socklen_t size = sizeof of[0];

    ckpt_syscall(SYS_getsockopt, left, SOL_SOCKET, NETNS_COOKIE, &of[0], &size, 0);
    ckpt_syscall(SYS_getsockopt, right, SOL_SOCKET, NETNS_COOKIE, &of[1], &size, 0);
    return of[0] == of[1];
}

/* An address of either family as one of IPv6. */
static void as_v6(const uint8_t *address, struct in6_addr *ret_ip, uint32_t *ret_scope)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;

    *ret_scope = v4->sin_family == AF_INET6 ? v6->sin6_scope_id : 0;
    if (v4->sin_family == AF_INET6) {
        *ret_ip = v6->sin6_addr;
    } else {
        *ret_ip = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
        __builtin_memcpy(ret_ip->s6_addr + 12, &v4->sin_addr, 4);
    }
}

bool ckpt_socket_same_address(const uint8_t *left, const uint8_t *right)
{
    struct in6_addr ip[2];
    uint32_t scope[2];

    as_v6(left, &ip[0], &scope[0]);
    as_v6(right, &ip[1], &scope[1]);
    return ((const struct sockaddr_in *)(const void *)left)->sin_port ==
               ((const struct sockaddr_in *)(const void *)right)->sin_port &&
           scope[0] == scope[1] && __builtin_memcmp(&ip[0], &ip[1], sizeof ip[0]) == 0;
}

const char *ckpt_socket_family_text(const struct ckpt_live_fd *live)
{
    static const char *const families[] = {
        [AF_UNIX] = "a Unix socket",
        [AF_INET] = "an IP socket",
        [AF_INET6] = "an IP socket",
        [AF_NETLINK] = "a netlink socket",
        [AF_PACKET] = "a packet socket",
        [AF_BLUETOOTH] = "a Bluetooth socket",
        [AF_ALG] = "a socket of the kernel's cryptography (AF_ALG)",
        [AF_CAN] = "a CAN socket",
        [AF_VSOCK] = "a vsock socket",
        [AF_XDP] = "an XDP socket",
    };
    static const struct {
        int protocol;
        const char *text;
    } protocols[] = {
        {IPPROTO_UDPLITE, "a UDP-Lite socket"},    {IPPROTO_ICMP, "an ICMP socket (ping)"},
        {IPPROTO_ICMPV6, "an ICMP socket (ping)"}, {IPPROTO_SCTP, "an SCTP socket"},
        {IPPROTO_DCCP, "a DCCP socket"},
    };
    size_t family = (size_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN);
    int protocol = ckpt_socket_option(live->number, SOL_SOCKET, SO_PROTOCOL);

    if (!S_ISSOCK(live->status.st_mode))
        return NULL;
    if (family != AF_INET && family != AF_INET6)
        return family < sizeof families / sizeof families[0] && families[family]
                   ? families[family]
                   : "a socket of an unknown family";
    if (ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE) == SOCK_RAW)
        return "a raw IP socket";
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (protocols[i].protocol == protocol)
            return protocols[i].text;
    return families[family];
}

const char *ckpt_socket_bind_hint(long failed, const char *busy)
{
    return failed == -EADDRINUSE ? busy
           : failed == -EADDRNOTAVAIL
               ? "; give the machine that address, or close the socket by a policy file"
           : failed == -EACCES ? "; ports below 1024 are for root and CAP_NET_BIND_SERVICE"
                               : "";
}
