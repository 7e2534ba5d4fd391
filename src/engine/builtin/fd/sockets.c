/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See sockets.h.
 */
#include "engine/builtin/fd/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/poll.h"
#include "base/syscall.h"

#define NETNS_COOKIE 71 /* SO_NETNS_COOKIE, Linux 5.14 */
#define BUF_LOCK 72     /* SO_BUF_LOCK, Linux 5.14: */
#define SEND_LOCKED 1
#define RECEIVE_LOCKED 2

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

uint32_t ckpt_socket_loopback(int family, uint8_t ret_address[32])
{
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    struct sockaddr_in *v4 = (void *)ret_address;
    struct sockaddr_in6 *v6 = (void *)ret_address;

    __builtin_memset(ret_address, 0, 32);
    v4->sin_family = (sa_family_t)family;
    if (family == AF_INET)
        v4->sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
    else /* ::1 may not exist */
        __builtin_memcpy(&v6->sin6_addr, mapped, sizeof mapped);
    return family == AF_INET ? sizeof *v4 : sizeof *v6;
}

uint16_t *ckpt_socket_port(uint8_t *address)
{
    return &((struct sockaddr_in *)(void *)address)->sin_port; /* same offset in both families */
}

uint16_t ckpt_socket_own_port(int fd)
{
    uint8_t address[32] = {0};
    socklen_t size = sizeof address;

    ckpt_syscall(SYS_getsockname, fd, address, &size, 0, 0, 0);
    return *ckpt_socket_port(address);
}

void ckpt_socket_shut(int fd, unsigned directions)
{
    if (directions)
        ckpt_syscall(SYS_shutdown, fd, (int)directions - 1, 0, 0, 0, 0);
}

void ckpt_socket_reset(int fd)
{
    static const struct linger now = {.l_onoff = 1};

    ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &now, sizeof now, 0);
    ckpt_sys_close(fd);
}

/* Whether the kernel itself may have made the buffers larger. */
static bool may_grow(int fd)
{
    unsigned state = ckpt_socket_tcp_state(fd);

    return state && state != TCP_CLOSE && state != TCP_LISTEN;
}

/*
 * Before SO_BUF_LOCK: the buffers that have another size than those of a new socket.  Those of a
 * connection grow by themselves, so one that was set to more than usual is not recognised.
 */
static int guess_locks(int fd)
{
    static const int names[] = {SO_SNDBUF, SO_RCVBUF};
    long like = ckpt_syscall(SYS_socket, ckpt_socket_option(fd, SOL_SOCKET, SO_DOMAIN),
                             ckpt_socket_option(fd, SOL_SOCKET, SO_TYPE) | SOCK_CLOEXEC,
                             ckpt_socket_option(fd, SOL_SOCKET, SO_PROTOCOL), 0, 0, 0);
    int locks = 0;

    if (like < 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        int size = ckpt_socket_option(fd, SOL_SOCKET, names[i]);
        int usual = ckpt_socket_option((int)like, SOL_SOCKET, names[i]);

        if (size < usual || (size > usual && !may_grow(fd)))
            locks |= 1 << i;
    }
    ckpt_sys_close((int)like);
    return locks;
}

int ckpt_socket_buffers_read(int fd, uint32_t *ret_send, uint32_t *ret_receive,
                             struct ckpt_error *error)
{
    int locks = -1;

    if (ckpt_socket_option_required(fd, SOL_SOCKET, BUF_LOCK, &locks, error) < 0)
        return -1;
    if (locks < 0)
        locks = guess_locks(fd);
    /* The kernel has doubled what it was given. */
    *ret_send =
        locks & SEND_LOCKED ? (uint32_t)ckpt_socket_option(fd, SOL_SOCKET, SO_SNDBUF) / 2 : 0;
    *ret_receive =
        locks & RECEIVE_LOCKED ? (uint32_t)ckpt_socket_option(fd, SOL_SOCKET, SO_RCVBUF) / 2 : 0;
    return 0;
}

/* By the option for privileged processes first, which is not limited by the system's settings. */
void ckpt_socket_buffers_set(int fd, uint32_t send, uint32_t receive)
{
    if (send && ckpt_socket_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, (int)send) < 0)
        ckpt_socket_set(fd, SOL_SOCKET, SO_SNDBUF, (int)send);
    if (receive && ckpt_socket_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)receive) < 0)
        ckpt_socket_set(fd, SOL_SOCKET, SO_RCVBUF, (int)receive);
}

static bool is_connected(int fd, int to)
{
    uint8_t here[32] = {0}, there[32] = {0};
    socklen_t here_size = sizeof here, there_size = sizeof there;

    return ckpt_syscall(SYS_getsockname, to, here, &here_size, 0, 0, 0) == 0 &&
           ckpt_syscall(SYS_getpeername, fd, there, &there_size, 0, 0, 0) == 0 &&
           ckpt_socket_same_address(here, there);
}

long ckpt_socket_accept_from(int listener, int client, int64_t ms)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + ms, left = ms;

    while (left >= 0) {
        long fd =
            ckpt_syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);

        if (fd >= 0 && is_connected((int)fd, client))
            return fd;
        if (fd >= 0)
            ckpt_socket_reset((int)fd);
        else if (fd != -EAGAIN && fd != -ECONNABORTED && fd != -EINTR)
            return fd;
        left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        if (left > 0)
            ckpt_sys_poll(listener, POLLIN, left);
    }
    return -ETIMEDOUT;
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
