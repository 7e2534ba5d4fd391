/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Where the HTTP endpoint listens, as the agent option `addr` says it, and whether the Host header
 * of a request names that place. Texts only: nothing is looked up here, nothing is opened.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_ADDRESS_H
#define CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CKPT_HTTP_PORT 10095

enum ckpt_http_kind { CKPT_HTTP_NONE, CKPT_HTTP_TCP, CKPT_HTTP_UNIX };

struct ckpt_http_addr {
    enum ckpt_http_kind kind;
    char host[128]; /**< a name or an address, without brackets */
    uint16_t port;
    char path[104]; /**< absolute; leaves room in sockaddr_un for ".new" */
};

/** Understand HOST[:PORT], [IPV6][:PORT], unix:PATH or none. 0, or -1 with what was expected. */
int ckpt_http_addr_parse(const char *text, struct ckpt_http_addr *ret, struct ckpt_error *error);

/** Whether it names this machine's loopback without anybody being asked: localhost. */
bool ckpt_http_is_localhost(const char *host);

/** An address of either family as IPv6 (IPv4 mapped); false if @host is a name. */
bool ckpt_http_literal(const char *host, struct in6_addr *ret);

/** Whether an address, IPv4 ones mapped, is of the loopback. */
bool ckpt_http_is_loopback(const struct in6_addr *address);

/**
 * Whether a Host header, with or without a port, names the endpoint: the loopback, the host of
 * the option, or any address if the option names all of them (0.0.0.0, [::]). A web page whose
 * name its owner lets point to this machine (DNS rebinding) brings that name, and no address.
 */
bool ckpt_http_host_is_ours(const struct ckpt_http_addr *addr, const char *header);

#endif
