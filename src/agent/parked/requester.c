/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See requester.h. Runs while all threads are parked: raw system calls and fixed memory only.
 *
 * A Unix socket has the peer's PID as seen in this PID namespace, or 0 for a process outside, which
 * survives. A process inside is waited for with a pidfd, which cannot refer to a later process with
 * the same PID. A TCP connection has no PID, so the wait is for its end.
 */
#include "agent/parked/requester.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/processes.h"
#include "base/raw.h"
#include "base/syscall.h"

#define LIMIT_MS 2000
#define PROGRESS_MS 200

/* Wait for @events on @fd until @deadline. Returns whether there are any. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
    struct timespec timeout = ckpt_clock_from_ms(left > 0 ? left : 0);

    return left > 0 && ckpt_syscall(SYS_ppoll, &wait, 1, &timeout, NULL, 0, 0) > 0;
}

static bool is_unix(int fd)
{
    int family = 0;
    socklen_t size = sizeof family;

    return ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &family, &size, 0) == 0 &&
           family == AF_UNIX;
}

/* The PID of the peer of a Unix socket; 0: outside this PID namespace, or unknown. */
static int peer_of(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;

    return ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size, 0) == 0
               ? peer.pid
               : 0;
}

int ckpt_requester_pid(const struct ckpt_requester *requester)
{
    return requester->fd > 0 ? peer_of(requester->fd) : 0;
}

/* Whether the kernel kills the peer of a Unix socket when this process ends. */
static bool dies_with_jvm(int fd)
{
    return fd > 0 && ckpt_sys_getpid() == 1 && peer_of(fd) > 1;
}

void ckpt_requester_wait(const struct ckpt_requester *requester)
{
    int fd = requester->fd;
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + LIMIT_MS;
    int pid;

    if (fd <= 0 || ckpt_sys_getpid() != 1)
        return;
    pid = peer_of(fd);
    if (pid <= 0) {
        if (!is_unix(fd)) /* a Unix peer is outside, survives, and waits for the JVM's end itself */
            wait_for(fd, POLLRDHUP, deadline);
        return;
    }
    while (pid > 1) {
        int parent = ckpt_process_parent(pid);
        long ended = ckpt_syscall(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);

        if (ended == -ENOSYS) /* before Linux 5.3: wait for the connection's end */
            wait_for(fd, POLLRDHUP, deadline);
        if (ended < 0 || !wait_for((int)ended, POLLIN, deadline))
            return;
        pid = parent;
    }
}

/* ---- messages ---- */

/* To a connection, or to standard error. Does not block if the reader is slow. */
static void send_text(int fd, const char *text, size_t length)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    struct timespec none = {0};

    if (fd > 0 &&
        ckpt_syscall(SYS_sendto, fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0) ==
            -ENOTSOCK &&
        ckpt_syscall(SYS_ppoll, &room, 1, &none, NULL, 0, 0) > 0 && (room.revents & POLLOUT))
        ckpt_syscall(SYS_write, fd, text, length, 0, 0, 0);
}

void ckpt_requester_progress(struct ckpt_requester *requester, uint64_t done, uint64_t total)
{
    int64_t now = ckpt_clock_ms(CLOCK_MONOTONIC);
    char text[64];

    if (requester->written_text || now - requester->progress_ms < PROGRESS_MS)
        return;
    requester->progress_ms = now;
    send_text(requester->fd, text,
              ckpt_raw_format(text, sizeof text, "progress %lu %lu\n", (unsigned long)done,
                              (unsigned long)total));
}

void ckpt_requester_written(const struct ckpt_requester *requester)
{
    const char *text = requester->written_text;

    if (!text)
        text = dies_with_jvm(requester->fd) ? "leave\n" : "written\n";
    send_text(requester->fd, text, ckpt_raw_length(text));
}
