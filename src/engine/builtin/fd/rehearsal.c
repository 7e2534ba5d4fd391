/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See rehearsal.h.  Runs in the command; it follows the rules of parked code only because it is
 * linked with the kinds, which call it.
 */
#include "engine/builtin/fd/rehearsal.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define PORTS 256

/* For each port of the image, one that is free on all addresses.  Static, because a process does
 * one rehearsal only. */
static struct {
    int protocol;
    uint16_t image, here;
} ports[PORTS];
static size_t port_count;

static long set_option(int fd, int level, int name, int value)
{
    return ckpt_syscall(SYS_setsockopt, fd, level, name, &value, sizeof value, 0);
}

static long make_socket(int family, int type, int protocol)
{
    return ckpt_syscall(SYS_socket, family, type | SOCK_CLOEXEC, protocol, 0, 0, 0);
}

/* A port that is free on all addresses; 0: there is none. */
static uint16_t free_port(int type, int protocol)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    socklen_t size = sizeof any;
    long fd = make_socket(AF_INET6, type, protocol);
    bool bound;

    if (fd < 0) { /* no IPv6 here */
        any = (struct sockaddr_in6){.sin6_family = AF_INET};
        size = sizeof(struct sockaddr_in);
        fd = make_socket(AF_INET, type, protocol);
    }
    if (fd < 0)
        return 0;
    set_option((int)fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    bound = ckpt_syscall(SYS_bind, fd, &any, size, 0, 0, 0) == 0 &&
            ckpt_syscall(SYS_getsockname, fd, &any, &size, 0, 0, 0) == 0;
    ckpt_sys_close((int)fd);
    return bound ? any.sin6_port : 0; /* the port has the same offset in both families */
}

/*
 * The free port that replaces the image's port @image, or 0 if there is none. *ret_first is true
 * for the first socket with that port.
 */
static uint16_t find_port(uint16_t image, int type, int protocol, bool *ret_first)
{
    *ret_first = false;
    for (size_t i = 0; i < port_count; i++)
        if (ports[i].image == image && ports[i].protocol == protocol)
            return ports[i].here;
    *ret_first = true;
    if (port_count == PORTS)
        return 0;
    ports[port_count].image = image;
    ports[port_count].protocol = protocol;
    return ports[port_count++].here = free_port(type, protocol);
}

long ckpt_fd_rehearse_bind_together(struct ckpt_fd_thaw *thaw, int like, const void *address,
                                    uint32_t size, bool listens)
{
    int type = ckpt_socket_option(like, SOL_SOCKET, SO_TYPE);
    int protocol = ckpt_socket_option(like, SOL_SOCKET, SO_PROTOCOL);
    struct sockaddr_in6 second = {0};
    long fd, kept, failed;
    bool first;

    if (size > sizeof second)
        return 0;
    __builtin_memcpy(&second, address, size);
    second.sin6_port = find_port(second.sin6_port, type, protocol, &first);
    if (!second.sin6_port)
        return 0;
    fd = make_socket(second.sin6_family, type, protocol);
    if (fd < 0)
        return fd;
    if (second.sin6_family == AF_INET6)
        set_option((int)fd, IPPROTO_IPV6, IPV6_V6ONLY,
                   ckpt_socket_option(like, IPPROTO_IPV6, IPV6_V6ONLY));
    if (!(listens && first))
        set_option((int)fd, SOL_SOCKET, SO_REUSEADDR,
                   ckpt_socket_option(like, SOL_SOCKET, SO_REUSEADDR));
    set_option((int)fd, SOL_SOCKET, SO_REUSEPORT,
               ckpt_socket_option(like, SOL_SOCKET, SO_REUSEPORT));
    failed = ckpt_syscall(SYS_bind, fd, &second, size, 0, 0, 0);
    kept = ckpt_sys_fcntl((int)fd, F_DUPFD_CLOEXEC, thaw->first_own_fd); /* stays open */
    ckpt_sys_close((int)fd);
    return failed < 0 ? failed : kept < 0 ? kept : 0;
}

/*
 * If UDP sockets share an address, the one that was bound last gets the datagrams.  So a
 * rehearsal binds such a socket without sharing; if the address is in use, it cannot test more.
 */
long ckpt_fd_rehearse_bind(const struct ckpt_fd_thaw *thaw, int fd, const void *address,
                           uint32_t size)
{
    static const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
    bool shares = false;
    int values[2];
    long failed;

    for (int i = 0; i < 2 && ckpt_socket_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM; i++) {
        values[i] = ckpt_socket_option(fd, SOL_SOCKET, options[i]);
        shares |= values[i] != 0;
        set_option(fd, SOL_SOCKET, options[i], 0);
    }
    failed = ckpt_syscall(SYS_bind, fd, address, size, 0, 0, 0);
    for (int i = 0; i < 2 && shares; i++)
        set_option(fd, SOL_SOCKET, options[i], values[i]);
    if (failed == -EADDRINUSE && (shares || thaw->original_runs))
        return 0; /* the address is in use, probably by the frozen JVM itself */
    return failed;
}

/*
 * Tests the rights of the effective user from Linux 5.8 on, and of the real user on older kernels.
 */
long ckpt_fd_rehearse_access(const char *path, int mode)
{
    long failed = ckpt_syscall(439 /* faccessat2 */, AT_FDCWD, path, mode, AT_EACCESS, 0, 0);

    return failed == -ENOSYS ? ckpt_syscall(SYS_faccessat, AT_FDCWD, path, mode, 0, 0, 0) : failed;
}

long ckpt_fd_rehearse_open(const char *path, uint32_t flags)
{
    static const int modes[] = {4 /* R_OK */, 2 /* W_OK */, 4 | 2, 0};
    long failed = ckpt_fd_rehearse_access(path, modes[flags & O_ACCMODE]);

    return failed < 0 ? failed : ckpt_sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
}

/*
 * A line of /proc/net/unix has: number, references, protocol, flags, type, state, inode, path. A
 * connection has the path of its listener.
 */
static bool is_bound(const char *line, const char *path, int type)
{
    uint64_t flags, found;

    for (int i = 0; i < 3; i++)
        while (*line && *line++ != ' ')
            ;
    flags = ckpt_raw_number(&line, 16);
    ckpt_raw_blanks(&line);
    found = ckpt_raw_number(&line, 16);
    return (type == SOCK_DGRAM ? found == SOCK_DGRAM
                               : (flags & 0x10000 /* __SO_ACCEPTCON */) != 0) &&
           ckpt_raw_ends(line, path) &&
           line[ckpt_raw_length(line) - ckpt_raw_length(path) - 1] == ' ';
}

bool ckpt_fd_rehearse_is_bound(const char *path, int type)
{
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/net/unix", O_RDONLY | O_CLOEXEC, 0);
    static struct ckpt_raw_lines lines;
    const char *line;
    bool found = false;

    if (fd < 0)
        return false;
    ckpt_raw_lines_init(&lines, (int)fd);
    while (!found && (line = ckpt_raw_lines_next(&lines)))
        found = is_bound(line, path, type);
    ckpt_sys_close((int)fd);
    return found;
}
