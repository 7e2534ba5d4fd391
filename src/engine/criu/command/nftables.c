/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See nftables.h. The messages are those of the kernel's nfnetlink; a socket for them belongs to
 * the network namespace in which it was made, so this process enters that for a moment. It has one
 * thread.
 */
#include "engine/criu/command/nftables.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "engine/criu/command/netlink.h"

#define TABLE_PREFIX "CRIU-"
#define FAMILY_INET 1 /* NFPROTO_INET */

/* ---- network namespaces ---- */

bool ckpt_criu_nftables_is_here(int netns)
{
    struct stat mine, theirs;

    return netns < 0 || stat("/proc/self/ns/net", &mine) < 0 || fstat(netns, &theirs) < 0 ||
           (mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino);
}

int ckpt_criu_nftables_open(int netns)
{
    ckpt_auto_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    bool enter = !ckpt_criu_nftables_is_here(netns);
    int fd;

    if (enter && (own < 0 || setns(netns, CLONE_NEWNET) < 0))
        return -1;
    fd = ckpt_netlink_open(NETLINK_NETFILTER);
    if (enter && setns(own, CLONE_NEWNET) < 0 && fd >= 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* ---- messages ---- */

/* Append a message of nfnetlink, with attributes 1 and 2 if @first and @second are not NULL. */
static void append(struct ckpt_netlink *message, uint16_t type, uint16_t flags, uint8_t family,
                   uint16_t resource, const char *first, const char *second)
{
    const char *const names[] = {first, second};
    const struct nfgenmsg body = {.nfgen_family = family, .res_id = htons(resource)};
    size_t start = ckpt_netlink_begin(message, type, flags, &body, sizeof body);

    for (size_t i = 0; i < CKPT_COUNT(names) && names[i]; i++)
        ckpt_netlink_attribute(message, (uint16_t)(i + 1), names[i], strlen(names[i]) + 1);
    ckpt_netlink_end(message, start);
}

static uint16_t table_message(int type)
{
    return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
}

/* The name in a NEWTABLE message, if it is one of criu's; otherwise NULL. */
static const char *criu_table(const struct nlmsghdr *header)
{
    size_t at = NLMSG_ALIGN(sizeof *header) + NLMSG_ALIGN(sizeof(struct nfgenmsg));

    while (at + sizeof(struct nlattr) <= header->nlmsg_len) {
        const struct nlattr *attribute = (const void *)((const uint8_t *)header + at);
        const char *name = (const char *)(attribute + 1);
        size_t length = attribute->nla_len;

        if (length < sizeof *attribute || at + length > header->nlmsg_len)
            return NULL;
        if ((attribute->nla_type & NLA_TYPE_MASK) == NFTA_TABLE_NAME)
            return strnlen(name, length - sizeof *attribute) < length - sizeof *attribute &&
                           strncmp(name, TABLE_PREFIX, strlen(TABLE_PREFIX)) == 0
                       ? name
                       : NULL;
        at += NLA_ALIGN(length);
    }
    return NULL;
}

/*
 * Send a request for a list and call @visit for each item. 0, or -1 if the kernel refuses the
 * request.
 */
static int list(int fd, const struct ckpt_netlink *request,
                void (*visit)(const struct nlmsghdr *header, void *context), void *context)
{
    uint64_t buffer[4096];

    if (fd < 0 || send(fd, request->bytes, request->used, 0) < 0)
        return -1;
    for (;;) {
        ssize_t length = recv(fd, buffer, sizeof buffer, 0);
        const struct nlmsghdr *header = (const void *)buffer;

        if (length <= 0)
            return -1;
        for (; NLMSG_OK(header, (uint32_t)length); header = NLMSG_NEXT(header, length)) {
            if (header->nlmsg_type == NLMSG_DONE)
                return 0;
            if (header->nlmsg_type == NLMSG_ERROR)
                return -1;
            visit(header, context);
        }
    }
}

struct names {
    char *text;
    size_t size;
};

static void add_name(const struct nlmsghdr *header, void *context)
{
    const struct names *names = context;
    const char *name = criu_table(header);
    size_t used = strlen(names->text);

    if (name && used + strlen(name) + 2 < names->size)
        sprintf(names->text + used, "%s ", name);
}

int ckpt_criu_nftables_list(int fd, char *text, size_t size)
{
    struct ckpt_netlink request = {.used = 0};
    struct names names = {text, size};

    text[0] = '\0';
    append(&request, table_message(NFT_MSG_GETTABLE), NLM_F_REQUEST | NLM_F_DUMP, 0, 0, NULL, NULL);
    return list(fd, &request, add_name, &names);
}

struct search {
    const void *key;
    size_t size;
    bool any, found;
};

/* An element has the key as it is; the attributes around it do not matter. */
static void look_for_key(const struct nlmsghdr *header, void *context)
{
    struct search *search = context;

    search->any = true;
    if (memmem(header, header->nlmsg_len, search->key, search->size))
        search->found = true;
}

enum ckpt_criu_lock_of ckpt_criu_nftables_lock_of(int fd, const char *table, bool is_six,
                                                  const void *key, size_t size)
{
    struct ckpt_netlink request = {.used = 0};
    struct search search = {.key = key, .size = size};

    append(&request, table_message(NFT_MSG_GETSETELEM), NLM_F_REQUEST | NLM_F_DUMP, FAMILY_INET, 0,
           table, is_six ? "conns6" : "conns4");
    list(fd, &request, look_for_key, &search);
    return search.found ? CKPT_CRIU_LOCK_OURS
           : search.any ? CKPT_CRIU_LOCK_OTHERS
                        : CKPT_CRIU_LOCK_NONE;
}

void ckpt_criu_nftables_delete(int fd, const char *name)
{
    struct ckpt_netlink request = {.used = 0};

    append(&request, NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES, NULL, NULL);
    append(&request, table_message(NFT_MSG_DELTABLE), NLM_F_REQUEST | NLM_F_ACK, FAMILY_INET, 0,
           name, NULL);
    append(&request, NFNL_MSG_BATCH_END, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES, NULL, NULL);
    ckpt_netlink_run(fd, &request);
}
