/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The descriptors of the control socket, which are not in an image. control_socket.c updates this
 * table under its lock, which the freezing thread holds, so the table is exact in every image.
 */
#ifndef CKPT_AGENT_PARKED_CONTROL_FDS_H
#define CKPT_AGENT_PARKED_CONTROL_FDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/control_name.h"

/** The largest number of requests at a time; further ones are refused. */
#define CKPT_CONTROL_CONNECTIONS_MAX 4
#define CKPT_CONTROL_FDS_MAX (CKPT_CONTROL_CONNECTIONS_MAX + 2)

/** The descriptors of the control socket; -1: this descriptor does not exist. */
extern struct ckpt_control_fds {
    int listener;
    int reserve; /**< closed to accept a connection when the process has no free descriptor */
    int connections[CKPT_CONTROL_CONNECTIONS_MAX];
    char path[CKPT_CONTROL_NAME_MAX]; /**< the socket's path; "": not bound yet */
    uint32_t lost; /**< 1: the numbers have unconnected sockets, as in a restored process */
} ckpt_control_fds;

/** Write all of them to @ret; returns the number. */
size_t ckpt_control_fds_list(int ret[CKPT_CONTROL_FDS_MAX]);

/** Answer all requesters but the one on the connection @except: their requests have failed. */
void ckpt_control_fds_fail_others(int except);

/**
 * In a restored process, before any other thread runs: reserve the descriptor numbers. The control
 * thread opens the new socket later.
 */
void ckpt_control_fds_reserve(void);

/** Remove the socket's name. Ordinary code may call it too. */
void ckpt_control_fds_unlink(void);

#endif
