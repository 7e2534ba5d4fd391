/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See tcp_peer.h.  A peer that has sent the end of its stream may have closed its socket, or may
 * only have stopped writing and wait for an answer; the connection itself does not show which.  If
 * the peer's address is one of this machine's, its socket is in the kernel's list of this network
 * namespace: without an inode when no process has it, and after a minute not at all.
 *
 * A packet filter can give a connection another destination on its way.  Then the socket of a peer
 * that is a client is listed with another server, and that of a server with another address of its
 * own.  So each socket with the same client counts; if it is not known who that is, with either.
 */
#include "engine/builtin/fd/tcp_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/walk.h"

/* A socket that a process has. */
struct owned {
    uint8_t local[32], remote[32];
    bool listens;
};

static void skip_word(const char **line)
{
    while (**line == ' ')
        ++*line;
    while (**line && **line != ' ')
        ++*line;
}

/* An address is written as words of 32 bits in the machine's order, then the port. */
static bool read_address(const char **line, uint8_t *ret)
{
    uint32_t words[5] = {0};
    size_t count = 0;
    struct sockaddr_in6 *v6 = (void *)ret;
    struct sockaddr_in *v4 = (void *)ret;

    while (**line == ' ')
        ++*line;
    for (; count < 4 && **line != ':'; count++) {
        char word[9] = {0};
        const char *at = word;
        uint64_t number = 0;

        for (int i = 0; i < 8 && **line && **line != ':'; i++)
            word[i] = *(*line)++;
        number = ckpt_raw_number(&at, 16);
        words[count] = (uint32_t)number;
    }
    if (**line != ':')
        return false;
    ++*line;
    if (count == 1) {
        v4->sin_family = AF_INET;
        v4->sin_addr.s_addr = words[0];
        v4->sin_port = htons((uint16_t)ckpt_raw_number(line, 16));
        return true;
    }
    v6->sin6_family = AF_INET6;
    __builtin_memcpy(&v6->sin6_addr, words, sizeof v6->sin6_addr);
    v6->sin6_port = htons((uint16_t)ckpt_raw_number(line, 16));
    return count == 4;
}

/* number: local remote state queues timer retransmits uid timeout inode */
static bool read_line(const char *line, struct owned *ret)
{
    *ret = (struct owned){.listens = false};
    skip_word(&line);
    if (!read_address(&line, ret->local) || !read_address(&line, ret->remote))
        return false;
    while (*line == ' ')
        line++;
    ret->listens = ckpt_raw_number(&line, 16) == TCP_LISTEN;
    for (int i = 0; i < 5; i++)
        skip_word(&line);
    while (*line == ' ')
        line++;
    return ckpt_raw_number(&line, 10) != 0;
}

static bool read_list(const struct ckpt_gather *gather, const char *path, struct ckpt_array *to)
{
    long fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    struct ckpt_raw_lines *lines = &gather->fd_walk->lines;
    const char *line;
    struct ckpt_error error;

    if (fd < 0)
        return false;
    ckpt_raw_lines_init(lines, (int)fd);
    ckpt_raw_lines_next(lines); /* the heading */
    while ((line = ckpt_raw_lines_next(lines))) {
        struct owned one, *added;

        if (!read_line(line, &one))
            continue;
        added = ckpt_array_add(to, gather->tables.scratch, 1, &error);
        if (!added)
            break;
        *added = one;
    }
    ckpt_sys_close((int)fd);
    return !line && !lines->failed;
}

/* The sockets that processes have; read once in a walk. NULL: they cannot be read. */
static const struct ckpt_array *list_owned(const struct ckpt_gather *gather)
{
    struct ckpt_error error;
    struct ckpt_array *list = gather->fd_walk->tcp_owned;

    if (list)
        return list;
    list = ckpt_scratch_take(gather->tables.scratch, sizeof *list, &error);
    if (!list)
        return NULL;
    ckpt_array_init(list, sizeof(struct owned));
    if (!read_list(gather, "/proc/thread-self/net/tcp", list))
        return NULL;
    read_list(gather, "/proc/thread-self/net/tcp6", list); /* not there without IPv6 */
    return gather->fd_walk->tcp_owned = list;
}

/* Whether it is an address of 127.0.0.0/8, all of which are the machine's own. */
static bool is_loopback(const uint8_t *address)
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;

    return v4->sin_family == AF_INET ? (ntohl(v4->sin_addr.s_addr) >> 24) == 127
                                     : __builtin_memcmp(&v6->sin6_addr, mapped, sizeof mapped) == 0;
}

/*
 * Whether @peer is one of this machine's addresses: then the kernel would send to it from the same
 * one, unless it is of the loopback interface, which is left by its first one.  Nothing is sent.
 * The socket must be of the namespace that is listed.
 */
static bool is_local(int fd, const uint8_t *peer)
{
    uint8_t from[32] = {0}, to[32];
    socklen_t size = sizeof from;
    const struct sockaddr_in *v4 = (const void *)peer;
    int family = v4->sin_family;
    long probe = ckpt_syscall(SYS_socket, family, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    bool local;

    if (probe < 0)
        return false;
    __builtin_memcpy(to, peer, sizeof to);
    local = ckpt_socket_same_namespace(fd, (int)probe) &&
            ckpt_syscall(SYS_connect, probe, to, sizeof(struct sockaddr_in6), 0, 0, 0) == 0 &&
            ckpt_syscall(SYS_getsockname, probe, from, &size, 0, 0, 0) == 0;
    ckpt_sys_close((int)probe);
    /* The port is at the same offset in both families. */
    ((struct sockaddr_in *)(void *)from)->sin_port = v4->sin_port;
    return local && (is_loopback(peer) || ckpt_socket_same_address(from, peer));
}

static bool same_port(const uint8_t *left, const uint8_t *right)
{
    return ((const struct sockaddr_in *)(const void *)left)->sin_port ==
           ((const struct sockaddr_in *)(const void *)right)->sin_port;
}

/* Whether no socket of the list can be the other end of a connection between @here and @peer. */
static bool is_unlisted(const struct ckpt_array *list, const uint8_t *here, const uint8_t *peer)
{
    bool is_server = false, peer_is_server = false, of_peer = false, to_here = false;

    for (size_t i = 0; i < list->count; i++) {
        const struct owned *one = ckpt_array_at(list, i);
        bool local = ckpt_socket_same_address(one->local, peer);
        bool remote = ckpt_socket_same_address(one->remote, here);

        if (!one->listens && local && remote)
            return false;
        is_server |= one->listens && same_port(one->local, here);
        peer_is_server |= one->listens && same_port(one->local, peer);
        of_peer |= !one->listens && local;
        to_here |= !one->listens && remote;
    }
    if (is_server == peer_is_server)
        return !of_peer && !to_here;
    return is_server ? !of_peer : !to_here;
}

bool ckpt_tcp_peer_is_gone(const struct ckpt_gather *gather, int fd)
{
    uint8_t here[32] = {0}, peer[32] = {0};
    socklen_t size = sizeof peer, here_size = sizeof here;
    const struct ckpt_array *list;

    if (ckpt_syscall(SYS_getpeername, fd, peer, &size, 0, 0, 0) < 0 ||
        ckpt_syscall(SYS_getsockname, fd, here, &here_size, 0, 0, 0) < 0 || !is_local(fd, peer))
        return false;
    list = list_owned(gather);
    return list && is_unlisted(list, here, peer);
}
