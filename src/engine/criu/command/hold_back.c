/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See hold_back.h. It is a table of nftables with the same rules as criu's, for packets that have
 * not criu's mark. The table belongs to the socket that makes it, so that it cannot be left behind.
 */
#include "engine/criu/command/hold_back.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/criu/command/netlink.h"
#include "engine/criu/command/nftables.h"

#define TABLE_OWNED 2 /* NFT_TABLE_F_OWNER, which older headers lack */
#define FAMILY NFPROTO_INET
#define BATCH 128 /* connections in one message */

/* A transaction on one table. */
struct batch {
    struct ckpt_netlink netlink;
    const char *table;
};

static const struct {
    const char *name;
    uint32_t address[2]; /* where the header has them: source, destination */
    uint32_t size;
    uint8_t protocol;
} sets[] = {{"conns4", {12, 16}, 4, NFPROTO_IPV4}, {"conns6", {8, 24}, 16, NFPROTO_IPV6}};

static const struct {
    const char *name;
    uint32_t hook;
    int local; /* which end of a packet is ours: 0 the source, 1 the destination */
} chains[] = {{"output", NF_INET_LOCAL_OUT, 0}, {"input", NF_INET_LOCAL_IN, 1}};

/* ---- messages ---- */

static size_t begin(struct batch *batch, int type, uint16_t flags)
{
    const struct nfgenmsg body = {.nfgen_family = FAMILY};

    return ckpt_netlink_begin(&batch->netlink, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
                              NLM_F_REQUEST | NLM_F_CREATE | flags, &body, sizeof body);
}

static void mark_batch(struct batch *batch, uint16_t type)
{
    const struct nfgenmsg body = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};

    ckpt_netlink_end(&batch->netlink,
                     ckpt_netlink_begin(&batch->netlink, type, NLM_F_REQUEST, &body, sizeof body));
}

static void put_text(struct batch *batch, uint16_t type, const char *text)
{
    ckpt_netlink_attribute(&batch->netlink, type, text, strlen(text) + 1);
}

static void put_number(struct batch *batch, uint16_t type, uint32_t number)
{
    number = htonl(number);
    ckpt_netlink_attribute(&batch->netlink, type, &number, sizeof number);
}

static void put_value(struct batch *batch, uint16_t type, const void *value, size_t size)
{
    size_t data = ckpt_netlink_nest(&batch->netlink, type);

    ckpt_netlink_attribute(&batch->netlink, NFTA_DATA_VALUE, value, size);
    ckpt_netlink_end_nest(&batch->netlink, data);
}

/* ---- the parts of a rule ---- */

/* Where an expression and its data began. */
struct expression {
    size_t item, data;
};

static struct expression begin_expression(struct batch *batch, const char *name)
{
    struct expression expression = {.item = ckpt_netlink_nest(&batch->netlink, NFTA_LIST_ELEM)};

    put_text(batch, NFTA_EXPR_NAME, name);
    expression.data = ckpt_netlink_nest(&batch->netlink, NFTA_EXPR_DATA);
    return expression;
}

static void end_expression(struct batch *batch, struct expression expression)
{
    ckpt_netlink_end_nest(&batch->netlink, expression.data);
    ckpt_netlink_end_nest(&batch->netlink, expression.item);
}

/* The rule continues if what is known of the packet compares so with @value. */
static void put_test(struct batch *batch, uint32_t what, uint32_t how, const void *value,
                     size_t size)
{
    struct expression meta = begin_expression(batch, "meta"), compare;

    put_number(batch, NFTA_META_DREG, NFT_REG_1);
    put_number(batch, NFTA_META_KEY, what);
    end_expression(batch, meta);
    compare = begin_expression(batch, "cmp");
    put_number(batch, NFTA_CMP_SREG, NFT_REG_1);
    put_number(batch, NFTA_CMP_OP, how);
    put_value(batch, NFTA_CMP_DATA, value, size);
    end_expression(batch, compare);
}

static void put_field(struct batch *batch, uint32_t base, uint32_t offset, uint32_t size,
                      uint32_t *at)
{
    struct expression payload = begin_expression(batch, "payload");

    put_number(batch, NFTA_PAYLOAD_DREG, *at);
    put_number(batch, NFTA_PAYLOAD_BASE, base);
    put_number(batch, NFTA_PAYLOAD_OFFSET, offset);
    put_number(batch, NFTA_PAYLOAD_LEN, size);
    end_expression(batch, payload);
    *at += (size + 3) / 4;
}

/* The packet's ends as ckpt_criu_ends_key() has them, and whether a set has them. */
static void put_lookup(struct batch *batch, size_t set, int local)
{
    uint32_t at = NFT_REG32_00;
    struct expression lookup;

    for (int i = 0; i < 2; i++) {
        int end = local ^ i;

        put_field(batch, NFT_PAYLOAD_NETWORK_HEADER, sets[set].address[end], sets[set].size, &at);
        put_field(batch, NFT_PAYLOAD_TRANSPORT_HEADER, (uint32_t)end * 2, 2, &at);
    }
    lookup = begin_expression(batch, "lookup");
    put_text(batch, NFTA_LOOKUP_SET, sets[set].name);
    put_number(batch, NFTA_LOOKUP_SREG, NFT_REG32_00);
    end_expression(batch, lookup);
}

static void put_drop(struct batch *batch)
{
    struct expression immediate = begin_expression(batch, "immediate");
    size_t data, verdict;

    put_number(batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    data = ckpt_netlink_nest(&batch->netlink, NFTA_IMMEDIATE_DATA);
    verdict = ckpt_netlink_nest(&batch->netlink, NFTA_DATA_VERDICT);
    put_number(batch, NFTA_VERDICT_CODE, NF_DROP);
    ckpt_netlink_end_nest(&batch->netlink, verdict);
    ckpt_netlink_end_nest(&batch->netlink, data);
    end_expression(batch, immediate);
}

static void put_rule(struct batch *batch, size_t chain, size_t set)
{
    const uint8_t tcp = IPPROTO_TCP;
    const uint32_t mark = CKPT_CRIU_MARK; /* in the order of this processor */
    size_t message = begin(batch, NFT_MSG_NEWRULE, NLM_F_APPEND), expressions;

    put_text(batch, NFTA_RULE_TABLE, batch->table);
    put_text(batch, NFTA_RULE_CHAIN, chains[chain].name);
    expressions = ckpt_netlink_nest(&batch->netlink, NFTA_RULE_EXPRESSIONS);
    put_test(batch, NFT_META_NFPROTO, NFT_CMP_EQ, &sets[set].protocol, 1);
    put_test(batch, NFT_META_L4PROTO, NFT_CMP_EQ, &tcp, 1);
    put_test(batch, NFT_META_MARK, NFT_CMP_NEQ, &mark, sizeof mark);
    put_lookup(batch, set, chains[chain].local);
    put_drop(batch);
    ckpt_netlink_end_nest(&batch->netlink, expressions);
    ckpt_netlink_end(&batch->netlink, message);
}

/* ---- the table ---- */

static void put_table(struct batch *batch)
{
    size_t message = begin(batch, NFT_MSG_NEWTABLE, NLM_F_EXCL);

    put_text(batch, NFTA_TABLE_NAME, batch->table);
    put_number(batch, NFTA_TABLE_FLAGS, TABLE_OWNED);
    ckpt_netlink_end(&batch->netlink, message);
}

static void put_set(struct batch *batch, size_t set)
{
    size_t message = begin(batch, NFT_MSG_NEWSET, 0);

    put_text(batch, NFTA_SET_TABLE, batch->table);
    put_text(batch, NFTA_SET_NAME, sets[set].name);
    put_number(batch, NFTA_SET_KEY_LEN, 2 * (sets[set].size + 4));
    put_number(batch, NFTA_SET_ID, (uint32_t)set + 1);
    ckpt_netlink_end(&batch->netlink, message);
}

static void put_chain(struct batch *batch, size_t chain)
{
    size_t message = begin(batch, NFT_MSG_NEWCHAIN, 0), hook;

    put_text(batch, NFTA_CHAIN_TABLE, batch->table);
    put_text(batch, NFTA_CHAIN_NAME, chains[chain].name);
    put_text(batch, NFTA_CHAIN_TYPE, "filter");
    hook = ckpt_netlink_nest(&batch->netlink, NFTA_CHAIN_HOOK);
    put_number(batch, NFTA_HOOK_HOOKNUM, chains[chain].hook);
    put_number(batch, NFTA_HOOK_PRIORITY, 0);
    ckpt_netlink_end_nest(&batch->netlink, hook);
    ckpt_netlink_end(&batch->netlink, message);
}

static void put_elements(struct batch *batch, size_t set, const struct ckpt_criu_ends *ends,
                         size_t count)
{
    size_t message = begin(batch, NFT_MSG_NEWSETELEM, 0), list;

    put_text(batch, NFTA_SET_ELEM_LIST_TABLE, batch->table);
    put_text(batch, NFTA_SET_ELEM_LIST_SET, sets[set].name);
    list = ckpt_netlink_nest(&batch->netlink, NFTA_SET_ELEM_LIST_ELEMENTS);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[40];
        size_t item, size;

        if (ends[i].is_six != (set == 1))
            continue;
        size = ckpt_criu_ends_key(&ends[i], key);
        item = ckpt_netlink_nest(&batch->netlink, NFTA_LIST_ELEM);
        put_value(batch, NFTA_SET_ELEM_KEY, key, size);
        ckpt_netlink_end_nest(&batch->netlink, item);
    }
    ckpt_netlink_end_nest(&batch->netlink, list);
    ckpt_netlink_end(&batch->netlink, message);
}

/* The last message has to be acknowledged: that is this one, which changes nothing. */
static int run(int fd, struct batch *batch)
{
    size_t message = begin(batch, NFT_MSG_NEWTABLE, NLM_F_ACK);

    put_text(batch, NFTA_TABLE_NAME, batch->table);
    put_number(batch, NFTA_TABLE_FLAGS, TABLE_OWNED);
    ckpt_netlink_end(&batch->netlink, message);
    mark_batch(batch, NFNL_MSG_BATCH_END);
    return ckpt_netlink_run(fd, &batch->netlink);
}

static int make_table(int fd, const char *table)
{
    struct batch batch = {.table = table};

    mark_batch(&batch, NFNL_MSG_BATCH_BEGIN);
    put_table(&batch);
    for (size_t set = 0; set < CKPT_COUNT(sets); set++)
        put_set(&batch, set);
    for (size_t chain = 0; chain < CKPT_COUNT(chains); chain++)
        put_chain(&batch, chain);
    for (size_t chain = 0; chain < CKPT_COUNT(chains); chain++)
        for (size_t set = 0; set < CKPT_COUNT(sets); set++)
            put_rule(&batch, chain, set);
    return run(fd, &batch);
}

static int add(int fd, const char *table, const struct ckpt_criu_ends *ends, size_t count)
{
    struct batch batch = {.table = table};

    mark_batch(&batch, NFNL_MSG_BATCH_BEGIN);
    for (size_t set = 0; set < CKPT_COUNT(sets); set++)
        put_elements(&batch, set, ends, count);
    return run(fd, &batch);
}

int ckpt_criu_hold_back(const struct ckpt_criu_ends *ends, size_t count)
{
    ckpt_auto_close int fd = count ? ckpt_criu_nftables_open(-1) : -1;
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof own;
    char table[32];

    /* The kernel chooses a number that no other socket of this network namespace has. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) < 0 ||
        getsockname(fd, (struct sockaddr *)&own, &size) < 0)
        return -1;
    snprintf(table, sizeof table, "checkpointer-%u", own.nl_pid);
    if (make_table(fd, table) < 0)
        return -1;
    for (size_t at = 0; at < count; at += BATCH)
        if (add(fd, table, ends + at, count - at < BATCH ? count - at : BATCH) < 0)
            return -1;
    return CKPT_STEAL_FD(fd);
}
