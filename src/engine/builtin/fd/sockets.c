/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See sockets.h.
 */
#include "engine/builtin/fd/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"

int ckpt_socket_option(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;

    ckpt_syscall(SYS_getsockopt, fd, level, name, &value, &size, 0);
    return value;
}

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

const char *ckpt_socket_bind_hint(long failed, const char *busy)
{
    return failed == -EADDRINUSE ? busy
           : failed == -EADDRNOTAVAIL
               ? "; give the machine that address, or close the socket by a policy file"
           : failed == -EACCES ? "; ports below 1024 are for root and CAP_NET_BIND_SERVICE"
                               : "";
}
