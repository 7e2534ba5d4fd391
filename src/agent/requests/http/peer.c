/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See peer.h. TCP has no credentials, but the kernel lists the owner of each socket: the peer's
 * socket is in /proc/self/net/tcp or tcp6, with our two addresses swapped. What is found there
 * decides:
 *
 * - A socket of our user or of root is served; that of another user is not.
 * - A socket without an inode was closed by its owner, and the kernel shows root for it: not
 *   served.
 * - No socket: the peer is on another machine or in another network namespace. It can only have
 *   connected to an address other than the loopback, and the endpoint listens at such an address
 *   only if the user chose it: served. At a loopback address it is not served.
 * - User 65534: in a user namespace these are all users without a UID there, among them root of the
 *   initial namespace. Not served, unless 65534 is our own UID and this is the initial namespace,
 *   where all users have a UID. In a process that was restored with --time=namespace by an ordinary
 *   user (engine/builtin/restore/clocks.c), root is such a user. The control socket still serves
 *   it, because its mode excludes other users (unix_peer.c).
 */
#include "agent/requests/http/peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/requests/http/endpoint_address.h"
#include "agent/requests/unix_peer.h"
#include "base/cleanup.h"
#include "base/kernel_abi.h"

#define ATTEMPTS 2 /* a table that changes while it is read may lack a line */

/* The kernel prints addresses as 32-bit words in host byte order. */
static bool parse_address(const char *text, size_t digits, unsigned port,
                          struct ckpt_peer_address *ret)
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

bool ckpt_peer_socket_parse(const char *line, struct ckpt_peer_socket *ret)
{
    char local[33], remote[33];
    unsigned local_port, remote_port, uid;

    if (sscanf(line,
               " %*u: %32[0-9A-Fa-f]:%4x %32[0-9A-Fa-f]:%4x %*2x %*x:%*x %*x:%*x %*x %u %*d %lu",
               local, &local_port, remote, &remote_port, &uid, &ret->inode) != 6 ||
        strlen(local) != strlen(remote) ||
        !parse_address(local, strlen(local), local_port, &ret->local) ||
        !parse_address(remote, strlen(remote), remote_port, &ret->remote))
        return false;
    ret->uid = uid;
    return true;
}

static bool is_same(const struct ckpt_peer_address *a, const struct ckpt_peer_address *b)
{
    return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static bool find(const char *table, const struct ckpt_peer_address *local_end,
                 const struct ckpt_peer_address *remote_end, struct ckpt_peer_socket *ret)
{
    ckpt_auto_fclose FILE *file = fopen(table, "re");
    char line[512];

    while (file && fgets(line, sizeof line, file))
        if (ckpt_peer_socket_parse(line, ret) && is_same(&ret->local, remote_end) &&
            is_same(&ret->remote, local_end))
            return true;
    return false;
}

/* An IPv4 connection is in tcp6 if the peer has an IPv6 socket, as Java has. */
static bool find_peer(const struct ckpt_peer_address *local_end,
                      const struct ckpt_peer_address *remote_end, struct ckpt_peer_socket *ret)
{
    for (int i = 0; i < ATTEMPTS; i++)
        if (find("/proc/self/net/tcp", local_end, remote_end, ret) ||
            find("/proc/self/net/tcp6", local_end, remote_end, ret))
            return true;
    return false;
}

static bool all_users_have_uids(void)
{
    ckpt_auto_fclose FILE *file = fopen("/proc/self/uid_map", "re");
    unsigned inside, outside, count;

    return file && fscanf(file, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
           outside == 0 && count == UINT32_MAX;
}

static bool parse_sockaddr(const struct sockaddr_storage *address, struct ckpt_peer_address *ret)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

    if (address->ss_family == AF_INET) {
        ckpt_endpoint_address_literal("0.0.0.0", &ret->address);
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

bool ckpt_peer_is_allowed(int fd)
{
    struct sockaddr_storage local = {0}, remote = {0};
    socklen_t local_size = sizeof local, remote_size = sizeof remote;
    struct ckpt_peer_address local_end, remote_end;
    struct ckpt_peer_socket peer;

    if (getsockname(fd, (struct sockaddr *)&local, &local_size) < 0)
        return false;
    if (local.ss_family == AF_UNIX)
        return ckpt_unix_peer_is_allowed(fd);
    if (getpeername(fd, (struct sockaddr *)&remote, &remote_size) < 0 ||
        !parse_sockaddr(&local, &local_end) || !parse_sockaddr(&remote, &remote_end))
        return false;
    if (!find_peer(&local_end, &remote_end, &peer))
        return !ckpt_endpoint_address_is_loopback(&local_end.address);
    if (!peer.inode)
        return false;
    if (peer.uid == CKPT_OVERFLOW_UID && !all_users_have_uids())
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}
