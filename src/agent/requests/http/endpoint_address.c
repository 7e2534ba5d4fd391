/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See endpoint_address.h. One function parses the option and the Host header. The header may come
 * from any client; tests/fuzz/http.c tests the function.
 */
#include "agent/requests/http/endpoint_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define EXPECTED "expected HOST[:PORT], unix:PATH or none"

/* Parse a port of one to five digits; -1 if it is invalid. */
static int parse_port(const char *text)
{
    int port = 0;

    if (!*text || strlen(text) > 5)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        port = port * 10 + (*text - '0');
    }
    return port >= 1 && port <= 65535 ? port : -1;
}

static bool is_name(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr(".-_", *at))
            return false;
    return *text != '\0';
}

/* Split HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. Returns an error message, or NULL. */
static const char *split(const char *text, char *host, size_t size, int *ret_port)
{
    const char *end, *rest;
    size_t length;

    if (*text == '[') {
        text++;
        end = strchr(text, ']');
        if (!end)
            return "the closing bracket is missing";
        rest = end + 1;
    } else {
        end = rest = text + strcspn(text, ":");
        if (*end && strchr(end + 1, ':'))
            return "an IPv6 address must be in brackets, as in [::1]:10095";
    }
    length = (size_t)(end - text);
    if (length >= size)
        return "the host's name is too long";
    memcpy(host, text, length);
    host[length] = '\0';
    if (*end == ']') { /* only if the text began with the other bracket */
        struct in6_addr address;

        if (inet_pton(AF_INET6, host, &address) != 1)
            return "there is no IPv6 address in the brackets";
    } else if (!is_name(host)) {
        return EXPECTED;
    }
    *ret_port = 0;
    if (*rest && (*rest != ':' || (*ret_port = parse_port(rest + 1)) < 0))
        return "expected a port from 1 to 65535";
    return NULL;
}

static int parse_path(const char *text, const char *path, struct ckpt_endpoint_address *ret,
                      struct ckpt_error *error)
{
    char cwd[PATH_MAX] = "";
    int length;

    if (!*path)
        return ckpt_error_set(error, 0, "agent option 'addr=%s': " EXPECTED, text);
    /* Made absolute: the application may change its directory. */
    if (*path != '/' && !getcwd(cwd, sizeof cwd))
        return ckpt_error_set(error, 0, "the working directory is gone");
    length = snprintf(ret->path, sizeof ret->path, "%s%s%s", cwd, *path == '/' ? "" : "/", path);
    if (length < 0 || (size_t)length >= sizeof ret->path)
        return ckpt_error_set(error, 0,
                              "agent option 'addr=%s': the path of a Unix socket has at most %d "
                              "bytes",
                              text, (int)sizeof ret->path - 1);
    ret->kind = CKPT_ENDPOINT_UNIX;
    return 0;
}

int ckpt_endpoint_address_parse(const char *text, struct ckpt_endpoint_address *ret,
                                struct ckpt_error *error)
{
    const char *wrong;
    int port;

    memset(ret, 0, sizeof *ret);
    if (strcmp(text, "none") == 0)
        return 0;
    if (strncmp(text, "unix:", 5) == 0)
        return parse_path(text, text + 5, ret, error);
    wrong = split(text, ret->host, sizeof ret->host, &port);
    if (wrong)
        return ckpt_error_set(error, 0, "agent option 'addr=%s': %s", text, wrong);
    ret->kind = CKPT_ENDPOINT_TCP;
    ret->port = port ? (uint16_t)port : CKPT_ENDPOINT_PORT;
    return 0;
}

bool ckpt_endpoint_address_is_localhost(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0;
}

bool ckpt_endpoint_address_literal(const char *host, struct in6_addr *ret)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (inet_pton(AF_INET6, host, ret) == 1)
        return true;
    memcpy(ret->s6_addr, mapped, sizeof mapped);
    return inet_pton(AF_INET, host, ret->s6_addr + sizeof mapped) == 1;
}

bool ckpt_endpoint_address_is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

static bool is_any(const struct in6_addr *address)
{
    struct in6_addr any4;

    ckpt_endpoint_address_literal("0.0.0.0", &any4);
    return IN6_IS_ADDR_UNSPECIFIED(address) || memcmp(address, &any4, sizeof any4) == 0;
}

bool ckpt_endpoint_address_matches(const struct ckpt_endpoint_address *addr, const char *header)
{
    struct in6_addr requested, own;
    char host[sizeof addr->host];
    int port;

    if (split(header, host, sizeof host, &port))
        return false;
    if (ckpt_endpoint_address_is_localhost(host))
        return true;
    if (!ckpt_endpoint_address_literal(host, &requested))
        return strcasecmp(host, addr->host) == 0;
    if (ckpt_endpoint_address_is_loopback(&requested))
        return true;
    return ckpt_endpoint_address_literal(addr->host, &own) &&
           (is_any(&own) || memcmp(&requested, &own, sizeof own) == 0);
}
