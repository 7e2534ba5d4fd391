/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The descriptors of the HTTP endpoint, exactly: listening sockets, connections, and what libevent
 * opens for itself. An image leaves them out, and a restored process must not give their numbers to
 * anybody before the endpoint's thread has closed them.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_FDS_H
#define CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/parked/endpoint_table.h"

/** The most that there can be at a time; of all descriptors: CKPT_ENDPOINT_FDS_MAX. */
#define CKPT_HTTP_CONNECTIONS_MAX 16

/** Take charge of a listening socket; -1 if there are too many, and then it is closed. */
int ckpt_http_fds_add(int fd);

/** Close a descriptor and forget it. Waits while a checkpoint is on its way. */
void ckpt_http_fds_close(int fd);

/** Close all of them, but for a connection that is served. */
void ckpt_http_fds_close_all(void);

/** How many connections there are. */
size_t ckpt_http_fds_connections(void);

/** Whether a connection was refused when it came; its requests are then answered with that. */
bool ckpt_http_fds_is_stranger(int fd);

/** Open what ckpt_http_fds_wake() writes to: a descriptor to be read when it can be, or -1. */
int ckpt_http_fds_open_waker(void);

/** On any thread: wake the endpoint's. Nothing happens if there is none any more. */
void ckpt_http_fds_wake(void);

/** The JVM is at what this connection asked for: that has no limit, and its number stays. */
void ckpt_http_fds_served(int fd);

/** A request has been answered: the time for the next one begins. */
void ckpt_http_fds_answered(int fd);

/** So many milliseconds have passed: hang up where a request takes longer than @limit_ms. */
void ckpt_http_fds_age(int64_t step_ms, int64_t limit_ms);

/**
 * Called by the thread that is about to freeze the process: from here on, until
 * ckpt_http_resume(), no descriptor comes or goes. Writes them to @ret, at most @room.
 */
size_t ckpt_http_pause(int *ret, size_t room);

/** The freeze is over, in this process or in the restored one. */
void ckpt_http_resume(void);

#endif
