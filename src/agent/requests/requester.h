/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The process that asked for a checkpoint of a JVM which is the first process of its PID namespace,
 * as in a container.  When such a JVM ends, the kernel kills every process in the namespace, so a
 * command that was started there would be killed after all went well.
 */
#ifndef CKPT_AGENT_REQUESTS_REQUESTER_H
#define CKPT_AGENT_REQUESTS_REQUESTER_H

#include <stdbool.h>

/**
 * Whether the end of this process would kill the process at the other end of the Unix socket @fd.
 * Runs while all threads are parked.
 */
bool ckpt_requester_dies_with_us(int fd);

/**
 * If this process is the first of its PID namespace: wait until the process at the other end of @fd
 * has ended, and the processes that wait for it in turn (a script), or until the other end of a TCP
 * connection is closed.  At most two seconds.  Otherwise returns at once.  Runs while all threads
 * are parked.
 */
void ckpt_requester_wait(int fd);

#endif
