/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Parses the agent option `addr`, the HTTP endpoint's address, and checks whether the Host header
 * of a request names it. No name is resolved here, and no socket opened.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_ADDRESS_H
#define CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CKPT_ENDPOINT_PORT 10095

enum ckpt_endpoint_kind { CKPT_ENDPOINT_NONE, CKPT_ENDPOINT_TCP, CKPT_ENDPOINT_UNIX };

struct ckpt_endpoint_address {
    enum ckpt_endpoint_kind kind;
    char host[128]; /**< a name or an address, without brackets */
    uint16_t port;
    char path[104]; /**< absolute */
};

/** Parse HOST[:PORT], [IPV6][:PORT], unix:PATH or none. 0, or -1 with what was expected. */
int ckpt_endpoint_address_parse(const char *text, struct ckpt_endpoint_address *ret,
                                struct ckpt_error *error);

/** Whether @host is localhost, which is the loopback without a query to a resolver. */
bool ckpt_endpoint_address_is_localhost(const char *host);

/** Parse an IPv6 or IPv4 address as IPv6 (IPv4 mapped); false if @host is a name. */
bool ckpt_endpoint_address_literal(const char *host, struct in6_addr *ret);

/** Whether an address (IPv4 mapped) is a loopback address. */
bool ckpt_endpoint_address_is_loopback(const struct in6_addr *address);

/**
 * Whether a Host header, with or without a port, names the endpoint: a loopback address, the host
 * of the option, or any address if the option is 0.0.0.0 or [::]. In an attack by DNS rebinding (a
 * web page's name resolves to this machine) the header has that name, not an address.
 */
bool ckpt_endpoint_address_matches(const struct ckpt_endpoint_address *addr, const char *header);

#endif
