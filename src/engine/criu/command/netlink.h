/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Messages to the kernel's netlink families: building them, and the kernel's verdict.
 */
#ifndef CKPT_ENGINE_CRIU_NETLINK_H
#define CKPT_ENGINE_CRIU_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/** One or more messages that are sent at once. What has no room is left out. */
struct ckpt_netlink {
    size_t used;
    union {
        struct nlmsghdr header;
        uint8_t bytes[16384];
    };
};

/** A socket of this family, which waits a few seconds for an answer; -1: there is none. */
int ckpt_netlink_open(int family);

/** Begin a message with the family's own header @body. Pass the result to ckpt_netlink_end(). */
size_t ckpt_netlink_begin(struct ckpt_netlink *netlink, uint16_t type, uint16_t flags,
                          const void *body, size_t size);

void ckpt_netlink_attribute(struct ckpt_netlink *netlink, uint16_t type, const void *data,
                            size_t size);

/** Begin an attribute of attributes. Pass the result to ckpt_netlink_end_nest(). */
size_t ckpt_netlink_nest(struct ckpt_netlink *netlink, uint16_t type);
void ckpt_netlink_end_nest(struct ckpt_netlink *netlink, size_t start);

void ckpt_netlink_end(struct ckpt_netlink *netlink, size_t start);

/** Send messages of which the last has NLM_F_ACK. 0, or the first error, negative. */
int ckpt_netlink_run(int fd, const struct ckpt_netlink *netlink);

#endif
