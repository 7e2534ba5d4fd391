/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Opens the HTTP endpoint's listening sockets at an address from endpoint_address.c.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_LISTEN_H
#define CKPT_AGENT_REQUESTS_HTTP_LISTEN_H

#include <stddef.h>

#include "agent/requests/http/endpoint_address.h"

#define CKPT_LISTEN_MAX 8

/**
 * Listen at every address of the host, or at the Unix socket. It is an error if another process
 * listens at one of them. The sockets are added to the table of endpoint_fds.c and written to @ret.
 * @return the number of sockets, or -1 with none open
 */
int ckpt_listen_open(const struct ckpt_endpoint_address *addr, int ret[CKPT_LISTEN_MAX],
                     struct ckpt_error *error);

#endif
