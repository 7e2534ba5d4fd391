/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See peer.h. TCP does not tell users from one another, but the kernel knows whose each socket
 * is: the peer's own socket is in /proc/self/net/tcp or tcp6, with our two addresses the other way
 * round. What follows from what is found there:
 *
 * - Our user or root: served. Another one: not.
 * - Nobody's socket: its owner has closed it, and the kernel shows root for such sockets: not.
 * - Not found: the peer is on another machine or in another network namespace. It can have come to
 *   an address that is not of the loopback only, which nobody listens at who did not ask for it:
 *   then it is served. At a loopback address it is not.
 * - User 65534: in a user namespace, that is everybody who has no number there, root of the world
 *   outside among them: not served, unless it is our own number and the namespace is the first one,
 *   where everyone has a number. In a process restored with --time=namespace by an ordinary user
 *   (engine/builtin/restore/clocks.c), root is one of these. The Unix socket, whose file's mode
 * keeps
 *   strangers out, serves it all the same (control_socket.c).
 */
#include "agent/requests/http/peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/requests/control_request.h"
#include "agent/requests/http/endpoint_address.h"
#include "base/cleanup.h"
#include "base/kernel_abi.h"

#define LOOKS 2 /* a table that changes while it is read may pass over a line */

/* The kernel writes addresses as 32-bit words of its own byte order: the memory of each. */
static bool parse_end(const char *text, size_t digits, unsigned port, struct ckpt_http_end *ret)
{
    uint32_t words[4] = {0, 0, htonl(0xffff), 0};

    if (digits != 8 && digits != 32)
        return false;
    for (size_t i = 0; i < digits / 8; i++)
        if (sscanf(text + i * 8, "%8x", &words[digits == 8 ? 3 : i]) != 1)
            return false;
    memcpy(&ret->address, words, sizeof words);
    ret->port = (uint16_t)port;
    return port <= 65535;
}

bool ckpt_http_socket_parse(const char *line, struct ckpt_http_socket *ret)
{
    char local[33], remote[33];
    unsigned local_port, remote_port, uid;

    if (sscanf(line,
               " %*u: %32[0-9A-Fa-f]:%4x %32[0-9A-Fa-f]:%4x %*2x %*x:%*x %*x:%*x %*x %u %*d %lu",
               local, &local_port, remote, &remote_port, &uid, &ret->inode) != 6 ||
        strlen(local) != strlen(remote) ||
        !parse_end(local, strlen(local), local_port, &ret->local) ||
        !parse_end(remote, strlen(remote), remote_port, &ret->remote))
        return false;
    ret->uid = uid;
    return true;
}

static bool same_end(const struct ckpt_http_end *a, const struct ckpt_http_end *b)
{
    return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static bool find(const char *table, const struct ckpt_http_end *ours,
                 const struct ckpt_http_end *theirs, struct ckpt_http_socket *ret)
{
    ckpt_auto_fclose FILE *file = fopen(table, "re");
    char line[512];

    while (file && fgets(line, sizeof line, file))
        if (ckpt_http_socket_parse(line, ret) && same_end(&ret->local, theirs) &&
            same_end(&ret->remote, ours))
            return true;
    return false;
}

/* An IPv4 connection is in tcp6 if the peer's socket is an IPv6 one, as Java's are. */
static bool find_peer(const struct ckpt_http_end *ours, const struct ckpt_http_end *theirs,
                      struct ckpt_http_socket *ret)
{
    for (int i = 0; i < LOOKS; i++)
        if (find("/proc/self/net/tcp", ours, theirs, ret) ||
            find("/proc/self/net/tcp6", ours, theirs, ret))
            return true;
    return false;
}

static bool everyone_has_a_number(void)
{
    ckpt_auto_fclose FILE *file = fopen("/proc/self/uid_map", "re");
    unsigned inside, outside, count;

    return file && fscanf(file, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
           outside == 0 && count == UINT32_MAX;
}

static bool end_of(const struct sockaddr_storage *address, struct ckpt_http_end *ret)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

    if (address->ss_family == AF_INET) {
        ckpt_http_literal("0.0.0.0", &ret->address);
        memcpy(ret->address.s6_addr + 12, &in->sin_addr, sizeof in->sin_addr);
        ret->port = ntohs(in->sin_port);
    } else if (address->ss_family == AF_INET6) {
        ret->address = in6->sin6_addr;
        ret->port = ntohs(in6->sin6_port);
    } else {
        return false;
    }
    return true;
}

bool ckpt_http_peer_is_allowed(int fd)
{
    struct sockaddr_storage local = {0}, remote = {0};
    socklen_t local_size = sizeof local, remote_size = sizeof remote;
    struct ckpt_http_end ours, theirs;
    struct ckpt_http_socket peer;

    if (getsockname(fd, (struct sockaddr *)&local, &local_size) < 0)
        return false;
    if (local.ss_family == AF_UNIX)
        return ckpt_control_request_is_allowed(fd);
    if (getpeername(fd, (struct sockaddr *)&remote, &remote_size) < 0 || !end_of(&local, &ours) ||
        !end_of(&remote, &theirs))
        return false;
    if (!find_peer(&ours, &theirs, &peer))
        return !ckpt_http_is_loopback(&ours.address);
    if (!peer.inode)
        return false;
    if (peer.uid == CKPT_OVERFLOW_UID && !everyone_has_a_number())
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}
