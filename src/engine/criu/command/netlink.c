/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See netlink.h. All parts of a message begin at a multiple of four bytes.
 */
#include "engine/criu/command/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_S 5 /* the kernel answers at once */

int ckpt_netlink_open(int family)
{
    struct timeval limit = {.tv_sec = ANSWER_S};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* ---- building ---- */

static void put(struct ckpt_netlink *netlink, const void *data, size_t size)
{
    if (netlink->used + NLMSG_ALIGN(size) > sizeof netlink->bytes)
        return;
    memset(netlink->bytes + netlink->used, 0, NLMSG_ALIGN(size));
    if (size)
        memcpy(netlink->bytes + netlink->used, data, size);
    netlink->used += NLMSG_ALIGN(size);
}

size_t ckpt_netlink_begin(struct ckpt_netlink *netlink, uint16_t type, uint16_t flags,
                          const void *body, size_t size)
{
    const struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = flags};
    size_t start = netlink->used;

    put(netlink, &header, sizeof header);
    put(netlink, body, size);
    return start;
}

void ckpt_netlink_end(struct ckpt_netlink *netlink, size_t start)
{
    uint32_t length = (uint32_t)(netlink->used - start);

    memcpy(netlink->bytes + start + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof length);
}

void ckpt_netlink_attribute(struct ckpt_netlink *netlink, uint16_t type, const void *data,
                            size_t size)
{
    const struct nlattr attribute = {.nla_len = (uint16_t)(sizeof attribute + size),
                                     .nla_type = type};

    put(netlink, &attribute, sizeof attribute);
    put(netlink, data, size);
}

size_t ckpt_netlink_nest(struct ckpt_netlink *netlink, uint16_t type)
{
    size_t start = netlink->used;

    ckpt_netlink_attribute(netlink, type | NLA_F_NESTED, NULL, 0);
    return start;
}

void ckpt_netlink_end_nest(struct ckpt_netlink *netlink, size_t start)
{
    uint16_t length = (uint16_t)(netlink->used - start);

    memcpy(netlink->bytes + start + offsetof(struct nlattr, nla_len), &length, sizeof length);
}

/* ---- the answer ---- */

int ckpt_netlink_run(int fd, const struct ckpt_netlink *netlink)
{
    union {
        struct nlmsghdr header;
        uint8_t bytes[8192];
    } answer;

    if (fd < 0 || send(fd, netlink->bytes, netlink->used, 0) < 0)
        return fd < 0 ? -EBADF : -errno;
    for (;;) {
        ssize_t length = recv(fd, answer.bytes, sizeof answer.bytes, 0);
        const struct nlmsghdr *header = &answer.header;

        if (length <= 0)
            return length < 0 ? -errno : -EPROTO;
        for (; NLMSG_OK(header, (uint32_t)length); header = NLMSG_NEXT(header, length))
            if (header->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
    }
}
