/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request over the control socket; control.h says what it looks like.
 */
#ifndef CKPT_AGENT_REQUEST_H
#define CKPT_AGENT_REQUEST_H

#include <stdbool.h>

/**
 * Read the request on the connection @fd, carry it out and answer it. The calling thread must not
 * be known to the JVM; it is for as long as this takes. The connection is still open afterwards.
 */
void ckpt_request_serve(int fd);

/** Whether the peer of a connected Unix socket is the JVM's owner or root. */
bool ckpt_request_is_allowed(int fd);

#endif
