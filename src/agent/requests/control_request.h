/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request over the control socket. control_socket.h describes the protocol.
 */
#ifndef CKPT_AGENT_REQUESTS_CONTROL_REQUEST_H
#define CKPT_AGENT_REQUESTS_CONTROL_REQUEST_H

/**
 * Read the request from the connection @fd, carry it out and answer it. The calling thread must not
 * be attached to the JVM; it is attached meanwhile. The connection stays open.
 */
void ckpt_control_request_serve(int fd);

/**
 * At the JVM's end: wait until all requests are answered, at most a second. An application may end
 * the JVM right after its hooks have run, before the answer is sent.
 */
void ckpt_control_request_wait_answered(void);

#endif
