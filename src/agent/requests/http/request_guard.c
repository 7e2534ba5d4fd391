/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See request_guard.h. A web page in a browser on this machine can send requests here, and to the
 * kernel they come from the browser's user. They are recognised by these headers:
 *
 * - Origin: current browsers send it with every POST.
 * - Sec-Fetch-Site: current browsers send it with every request; "none" is a request by the user.
 * - Referer, and a User-Agent of "Mozilla/...", which all browsers have: older browsers, and some
 *   privacy settings, send a form without the other two. The User-Agent does not prevent reading.
 * - A Host header, or a target, that names another host: DNS rebinding.
 *
 * All programs on the way must agree where a request ends. libevent ignores what it does not read:
 * a body that the method does not have, a second Content-Length, an unknown transfer coding. It
 * would parse the data after it as the next request, which the client never sent.
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

/* The reason why this header shows a web page as the source, or NULL. */
static const char *web_page_reason(const struct evkeyval *header, enum evhttp_cmd_type command)
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

static const char *refusal(const struct ckpt_endpoint_address *addr, struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *target = uri ? evhttp_uri_get_host(uri) : NULL;
    struct evkeyval *header;
    bool named = false;

    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        const char *reason = web_page_reason(header, evhttp_request_get_command(request));

        if (reason)
            return reason;
        if (!is(header, "Host") || addr->kind != CKPT_ENDPOINT_TCP)
            continue;
        if (!ckpt_endpoint_address_matches(addr, header->value))
            return "the Host header names another host";
        named = true;
    }
    if (addr->kind != CKPT_ENDPOINT_TCP)
        return NULL;
    if (target && *target && !ckpt_endpoint_address_matches(addr, target))
        return "the request's target names another host";
    return named ? NULL : "the Host header is missing";
}

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* The reason why the request's end or its headers are ambiguous, or NULL. */
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
                return "the Content-Length is not a number";
            if (!with_body && header->value[strspn(header->value, "0")])
                return "this method must not have a body";
        } else if (is(header, "Transfer-Encoding")) {
            codings++;
            if (!with_body || strcasecmp(header->value, "chunked") != 0)
                return "the only supported Transfer-Encoding is chunked, for methods with a body";
        }
    }
    return lengths + codings > 1 ? "the length of the body is given more than once" : NULL;
}

int ckpt_request_guard_check(const struct ckpt_endpoint_address *addr,
                             struct evhttp_request *request, const char **ret_reason)
{
    *ret_reason = refusal(addr, request);
    if (*ret_reason)
        return FORBIDDEN;
    *ret_reason = ambiguity(request);
    return *ret_reason ? HTTP_BADREQUEST : 0;
}
