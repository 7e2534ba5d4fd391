/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The descriptors of the control socket, which an image leaves out.  control_socket.c changes them,
 * under its lock, so that they are true whenever the process is frozen.
 */
#ifndef CKPT_AGENT_PARKED_CONTROL_FDS_H
#define CKPT_AGENT_PARKED_CONTROL_FDS_H

#include <stddef.h>

#include "base/control_name.h"

/** So many requests at once; one beyond is turned away. */
#define CKPT_CONTROL_MOST 4
#define CKPT_CONTROL_FDS (CKPT_CONTROL_MOST + 2)

/** -1 is none. */
extern struct ckpt_control {
    int listener;
    int spare; /**< closed to accept a connection where the application has used up all others */
    int connections[CKPT_CONTROL_MOST];
    char path[CKPT_CONTROL_NAME_MAX]; /**< "": it has no name yet */
} ckpt_control;

/** All of them; how many, into @ret. */
size_t ckpt_control_fds(int ret[CKPT_CONTROL_FDS]);

/** Report to all requesters but the one on the connection @except that the process ends. */
void ckpt_control_dismiss(int except);

/**
 * In a restored process, before any other thread runs: take the numbers.  The control thread makes
 * the new socket in its own time.
 */
void ckpt_control_hold(void);

/** Remove the socket's name.  May be called by ordinary code too. */
void ckpt_control_unlink(void);

#endif
