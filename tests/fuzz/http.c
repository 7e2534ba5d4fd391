// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The fuzz target for what the HTTP endpoint parses itself: the agent option addr, the Host header,
// a line of /proc/net/tcp, the type and the body of a POST. The first byte selects the parser;
// accepted values must be those that the endpoint relies on. http-mutate.c feeds it without
// libFuzzer.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/requests/http/endpoint_address.h"
#include "agent/requests/http/peer.h"
#include "agent/requests/http/request_body.h"
#include "agent/requests/unix_peer.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Replaces the agent's function; there are no connections here.
bool ckpt_unix_peer_is_allowed(int fd)
{
    return fd < 0;
}

#define CLAIM(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz: not so: %s (line %d)\n", #condition, __LINE__);                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void claim_message(const struct ckpt_error *error)
{
    CLAIM(error->text[0] && memchr(error->text, '\0', sizeof error->text));
}

static void try_addr(const char *text)
{
    struct ckpt_endpoint_address addr;
    struct ckpt_error error = {.number = 0};

    if (ckpt_endpoint_address_parse(text, &addr, &error) < 0) {
        claim_message(&error);
        return;
    }
    CLAIM(addr.kind != CKPT_ENDPOINT_NONE || strcmp(text, "none") == 0);
    CLAIM(addr.kind != CKPT_ENDPOINT_TCP || (addr.port && addr.host[0]));
    CLAIM(addr.kind != CKPT_ENDPOINT_UNIX || addr.path[0] == '/');
    CLAIM(memchr(addr.host, '\0', sizeof addr.host) && memchr(addr.path, '\0', sizeof addr.path));
    if (addr.kind == CKPT_ENDPOINT_TCP) /* each accepted address is accepted as Host */
        CLAIM(ckpt_endpoint_address_matches(&addr, text));
}

/* A header is accepted only if it ends with a name or address of this endpoint. */
static void try_host(const char *text)
{
    static const char *const ours[] = {"localhost", "service.example", "127.", "[", NULL};
    struct ckpt_endpoint_address addr = {
        .kind = CKPT_ENDPOINT_TCP, .host = "service.example", .port = 80};
    bool known = false;

    if (!ckpt_endpoint_address_matches(&addr, text))
        return;
    for (int i = 0; ours[i]; i++)
        known |= strncasecmp(text, ours[i], strlen(ours[i])) == 0;
    CLAIM(known);
    CLAIM(!strpbrk(text, " \t\r\n/@\\,"));
}

static void try_socket(const char *text)
{
    struct ckpt_peer_socket socket;

    if (ckpt_peer_socket_parse(text, &socket))
        CLAIM(strchr(text, ':') && strlen(text) > 40);
}

static void try_type(const char *text)
{
    if (ckpt_request_body_type_is_allowed(text, false))
        CLAIM(strncasecmp(text, "application/json", 16) == 0);
    else if (ckpt_request_body_type_is_allowed(text, true))
        CLAIM(strncasecmp(text, "application/x-www-form-urlencoded", 33) == 0);
}

static void try_body(const char *text, size_t size)
{
    struct ckpt_error error = {.number = 0};
    struct ckpt_request_body body;

    if (ckpt_request_body_parse(text, size, &body, &error) < 0) {
        claim_message(&error);
        return;
    }
    CLAIM(!body.directory[0] || body.directory[0] == '/');
    CLAIM(memchr(body.directory, '\0', sizeof body.directory));
    CLAIM(body.gc >= -1 && body.gc <= 1);
    CLAIM(size == 0 || memchr(text, '{', size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ckpt_auto_free char *text = malloc(size + 1);

    if (size == 0)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 5) {
    case 0:
        try_addr(text);
        break;
    case 1:
        try_host(text);
        break;
    case 2:
        try_socket(text);
        break;
    case 3:
        try_type(text);
        break;
    default:
        try_body(text, size - 1);
    }
    return 0;
}
