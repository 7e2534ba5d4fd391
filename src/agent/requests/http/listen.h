/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The sockets that the HTTP endpoint listens at, from an address that endpoint_address.c
 * understood.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_LISTEN_H
#define CKPT_AGENT_REQUESTS_HTTP_LISTEN_H

#include <stddef.h>

#include "agent/requests/http/endpoint_address.h"

#define CKPT_HTTP_LISTENERS_MAX 8

/**
 * Listen at every address that the host has, or at the Unix socket. Nobody else may have one of
 * them. The sockets are in the table of endpoint_fds.c and written to @ret.
 * @return how many, or -1 and none is left open
 */
int ckpt_http_listen(const struct ckpt_http_addr *addr, int ret[CKPT_HTTP_LISTENERS_MAX],
                     struct ckpt_error *error);

#endif
