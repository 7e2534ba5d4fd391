/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One request over the control socket; control_socket.h says what it looks like.  And what a signal
 * shares with it (signal_request.c).
 */
#ifndef CKPT_AGENT_REQUESTS_CONTROL_REQUEST_H
#define CKPT_AGENT_REQUESTS_CONTROL_REQUEST_H

#include <stdbool.h>

/**
 * Read the request on the connection @fd, carry it out and answer it. The calling thread must not
 * be known to the JVM; it is for as long as this takes. The connection is still open afterwards.
 */
void ckpt_request_serve(int fd);

struct ckpt_request;

/**
 * Run the hooks and freeze the process for @request, as whoever asks from outside does, on this
 * thread, which the JVM knows as @thread for as long.  @ret_failed: malloc'd lines that say what
 * failed, NULL if nothing did.  false: the JVM does not take the thread.
 */
bool ckpt_request_run(const struct ckpt_request *request, const char *thread, char **ret_failed);

/**
 * The JVM ends: until those who asked for a checkpoint have their answers, a second at most.  An
 * application may end as soon as its hooks have run, which is before.
 */
void ckpt_request_wait_answered(void);

/** Whether the peer of a connected Unix socket is the JVM's owner or root. */
bool ckpt_request_is_allowed(int fd);

#endif
