/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The exact set of the HTTP endpoint's descriptors: listening sockets, connections, and those that
 * libevent opens for itself. They are not in an image, and a restored process must not reuse their
 * numbers before the endpoint's thread has closed them.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_FDS_H
#define CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/parked/endpoint_table.h"

/** The largest number of connections at a time; of all descriptors: CKPT_ENDPOINT_FDS_MAX. */
#define CKPT_ENDPOINT_CONNECTIONS_MAX 16

/** Add a descriptor, which the table then owns. -1 if there are too many; then it is closed. */
int ckpt_endpoint_fds_add(int fd);

/** Close a descriptor and remove it. Waits while the table is paused. */
void ckpt_endpoint_fds_close(int fd);

/** Close all of them except a connection whose request is being carried out. */
void ckpt_endpoint_fds_close_all(void);

/** The number of connections. */
size_t ckpt_endpoint_fds_connections(void);

/** Whether the peer of a connection may not use the endpoint; its requests get that answer. */
bool ckpt_endpoint_fds_is_forbidden(int fd);

/** Open the eventfd that ckpt_endpoint_fds_wake() writes to. Returns it, or -1. */
int ckpt_endpoint_fds_open_waker(void);

/** On any thread: wake the endpoint's thread. Does nothing if it has ended. */
void ckpt_endpoint_fds_wake(void);

/** A request of this connection is being carried out: no time limit, and it is not closed. */
void ckpt_endpoint_fds_served(int fd);

/** A request has been answered: the time limit for the next one starts. */
void ckpt_endpoint_fds_answered(int fd);

/** @step_ms have passed: shut down connections whose request takes longer than @limit_ms. */
void ckpt_endpoint_fds_age(int64_t step_ms, int64_t limit_ms);

/**
 * On any thread but the endpoint's: shut down connections without a request, and wait until they
 * are closed. Another program is to freeze this process, and could not restore them.
 */
void ckpt_endpoint_fds_close_idle(void);

/**
 * Called by the thread that is about to freeze the process: until ckpt_endpoint_fds_resume(), no
 * descriptor is opened or closed. Writes them to @ret, at most @room, and returns the number.
 */
size_t ckpt_endpoint_fds_pause(int *ret, size_t room);

/** The freeze is over, in this process or in the restored one. */
void ckpt_endpoint_fds_resume(void);

#endif
