/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See sockets.h.
 */
#include "engine/builtin/fd/sockets.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/syscall.h"

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

const char *ckpt_socket_bind_hint(long failed, const char *busy)
{
    return failed == -EADDRINUSE ? busy
           : failed == -EADDRNOTAVAIL
               ? "; give the machine that address, or close the socket by a policy file"
           : failed == -EACCES ? "; ports below 1024 are for root and CAP_NET_BIND_SERVICE"
                               : "";
}
