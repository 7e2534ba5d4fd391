/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See request_guard.h. A web page that somebody on this machine looks at can send requests here,
 * and is the user whom the kernel sees. What gives it away:
 *
 * - Origin: on every POST of a browser of today.
 * - Sec-Fetch-Site: on every request of one; "none" is the user's own doing.
 * - Referer, and a User-Agent of "Mozilla/...", as all browsers call themselves: older ones, and
 *   those that were told to keep quiet, send a form without the other two. Reading with a browser
 *   is not refused for its name.
 * - A Host, or a target, that names another place: DNS rebinding.
 *
 * Where a request ends must be clear to everybody on its way. libevent passes over what it does not
 * read: a body where the method has none, a second Content-Length, a coding that it does not know.
 * What follows would be taken for the next request, although nobody sent it as one.
 */
#include "agent/requests/http/request_guard.h"

#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define FORBIDDEN 403
#define WITH_BODY (EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH) /* libevent reads these */
#define READING (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD)

static bool is(const struct evkeyval *header, const char *name)
{
    return strcasecmp(header->key, name) == 0;
}

/* NULL, or by what a header gives a web page away. */
static const char *trace_of_page(const struct evkeyval *header, enum evhttp_cmd_type command)
{
    if (is(header, "Origin"))
        return "web pages may not use this endpoint (the request has an Origin header)";
    if (is(header, "Referer"))
        return "web pages may not use this endpoint (the request has a Referer header)";
    if (is(header, "Sec-Fetch-Site") && strcasecmp(header->value, "none") != 0)
        return "web pages may not use this endpoint (see its Sec-Fetch-Site header)";
    if (is(header, "User-Agent") && strncasecmp(header->value, "Mozilla/", 8) == 0 &&
        !(command & READING))
        return "browsers may only read here (see the request's User-Agent header)";
    return NULL;
}

static const char *refusal(const struct ckpt_http_addr *addr, struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *target = uri ? evhttp_uri_get_host(uri) : NULL;
    struct evkeyval *header;
    bool named = false;

    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        const char *trace = trace_of_page(header, evhttp_request_get_command(request));

        if (trace)
            return trace;
        if (!is(header, "Host") || addr->kind != CKPT_HTTP_TCP)
            continue;
        if (!ckpt_http_host_is_ours(addr, header->value))
            return "the Host header names another host";
        named = true;
    }
    if (addr->kind != CKPT_HTTP_TCP)
        return NULL;
    if (target && *target && !ckpt_http_host_is_ours(addr, target))
        return "the request's target names another host";
    return named ? NULL : "the Host header is missing";
}

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* NULL, or why it is not clear where the request ends, or what its headers are. */
static const char *ambiguity(struct evhttp_request *request)
{
    bool with_body = evhttp_request_get_command(request) & WITH_BODY;
    struct evkeyval *header;
    int lengths = 0, codings = 0;

    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        if (header->key[strcspn(header->key, " \t")])
            return "there is a space in the name of a header";
        if (is(header, "Content-Length")) {
            lengths++;
            if (!is_number(header->value))
                return "the Content-Length is no number";
            if (!with_body && header->value[strspn(header->value, "0")])
                return "there is a body where this method has none";
        } else if (is(header, "Transfer-Encoding")) {
            codings++;
            if (!with_body || strcasecmp(header->value, "chunked") != 0)
                return "the only Transfer-Encoding is chunked, where the method has a body";
        }
    }
    return lengths + codings > 1 ? "the length of the body is said more than once" : NULL;
}

int ckpt_http_guard(const struct ckpt_http_addr *addr, struct evhttp_request *request,
                    const char **ret_why)
{
    *ret_why = refusal(addr, request);
    if (*ret_why)
        return FORBIDDEN;
    *ret_why = ambiguity(request);
    return *ret_why ? HTTP_BADREQUEST : 0;
}
