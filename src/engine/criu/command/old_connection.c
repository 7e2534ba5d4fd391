/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See old_connection.h. The kernel is asked for one connection by its ends, and removes it by the
 * cookie that it has: by the ends alone, it would take the listening socket of that port if the
 * connection were gone meanwhile.
 */
#include "engine/criu/command/old_connection.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "engine/criu/command/netlink.h"

static struct inet_diag_req_v2 request_for(const struct ckpt_criu_ends *ends)
{
    struct inet_diag_req_v2 request = {.sdiag_family = ends->is_six ? AF_INET6 : AF_INET,
                                       .sdiag_protocol = IPPROTO_TCP,
                                       .idiag_states = UINT32_MAX};
    size_t size = ends->is_six ? 16 : 4;

    request.id.idiag_sport = ends->port[0];
    request.id.idiag_dport = ends->port[1];
    memcpy(request.id.idiag_src, ends->address[0], size);
    memcpy(request.id.idiag_dst, ends->address[1], size);
    request.id.idiag_cookie[0] = request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return request;
}

static void build(struct ckpt_netlink *netlink, uint16_t type, uint16_t flags,
                  const struct inet_diag_req_v2 *request)
{
    ckpt_netlink_end(netlink, ckpt_netlink_begin(netlink, type, NLM_F_REQUEST | flags, request,
                                                 sizeof *request));
}

/* Ask for the socket with these ends. 0, or -1 if there is none. */
static int ask(int fd, const struct inet_diag_req_v2 *request, struct inet_diag_msg *ret)
{
    struct ckpt_netlink netlink = {.used = 0};
    union {
        struct nlmsghdr header;
        uint8_t bytes[8192];
    } answer;
    ssize_t length;

    build(&netlink, SOCK_DIAG_BY_FAMILY, 0, request);
    if (fd < 0 || send(fd, netlink.bytes, netlink.used, 0) < 0)
        return -1;
    length = recv(fd, answer.bytes, sizeof answer.bytes, 0);
    if (length < 0 || !NLMSG_OK(&answer.header, (uint32_t)length) ||
        answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer.header.nlmsg_len < NLMSG_LENGTH(sizeof *ret))
        return -1;
    memcpy(ret, NLMSG_DATA(&answer.header), sizeof *ret);
    return 0;
}

static enum ckpt_criu_old kind_of(const struct inet_diag_msg *found)
{
    switch (found->idiag_state) {
    case TCP_LISTEN: /* of that port: there is no connection */
    case TCP_CLOSE:
        return CKPT_CRIU_OLD_NONE;
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        return found->idiag_inode ? CKPT_CRIU_OLD_IN_USE : CKPT_CRIU_OLD_ENDING;
    default:
        return CKPT_CRIU_OLD_IN_USE;
    }
}

static enum ckpt_criu_old find(int fd, struct inet_diag_req_v2 *request)
{
    struct inet_diag_msg found;

    if (ask(fd, request, &found) < 0)
        return CKPT_CRIU_OLD_NONE;
    memcpy(request->id.idiag_cookie, found.id.idiag_cookie, sizeof found.id.idiag_cookie);
    return kind_of(&found);
}

enum ckpt_criu_old ckpt_criu_old_find(const struct ckpt_criu_ends *ends)
{
    ckpt_auto_close int fd = ckpt_netlink_open(NETLINK_SOCK_DIAG);
    struct inet_diag_req_v2 request = request_for(ends);

    return find(fd, &request);
}

enum ckpt_criu_old ckpt_criu_old_remove(const struct ckpt_criu_ends *ends)
{
    ckpt_auto_close int fd = ckpt_netlink_open(NETLINK_SOCK_DIAG);
    struct inet_diag_req_v2 request = request_for(ends);
    struct ckpt_netlink netlink = {.used = 0};
    enum ckpt_criu_old kind = find(fd, &request);

    if (kind != CKPT_CRIU_OLD_ENDING)
        return kind;
    build(&netlink, SOCK_DESTROY, NLM_F_ACK, &request);
    ckpt_netlink_run(fd, &netlink);
    return ckpt_criu_old_find(ends);
}
