/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request over the control socket; control_socket.h says what it looks like.
 */
#ifndef CKPT_AGENT_REQUESTS_CONTROL_REQUEST_H
#define CKPT_AGENT_REQUESTS_CONTROL_REQUEST_H

#include <stdbool.h>

/**
 * Read the request on the connection @fd, carry it out and answer it. The calling thread must not
 * be known to the JVM; it is for as long as this takes. The connection is still open afterwards.
 */
void ckpt_request_serve(int fd);

/**
 * The JVM ends: until those who asked for a checkpoint have their answers, a second at most.  An
 * application may end as soon as its hooks have run, which is before.
 */
void ckpt_request_wait_answered(void);

/** Whether the peer of a connected Unix socket is the JVM's owner or root. */
bool ckpt_request_is_allowed(int fd);

#endif
