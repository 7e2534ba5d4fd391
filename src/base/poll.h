/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Waiting for one descriptor, for all worlds but the restorer.
 */
#ifndef CKPT_BASE_POLL_H
#define CKPT_BASE_POLL_H

#include <poll.h>

#include "base/clock.h"

/** What poll() reports about @fd within @ms milliseconds; 0: nothing. */
static inline short ckpt_sys_poll(int fd, short events, int64_t ms)
{
    struct pollfd poll = {.fd = fd, .events = events};
    struct timespec limit = ckpt_clock_from_ms(ms);

    return ckpt_syscall(SYS_ppoll, &poll, 1, &limit, NULL, 0, 0) > 0 ? poll.revents : 0;
}

#endif
