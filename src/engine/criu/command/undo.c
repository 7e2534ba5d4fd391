/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Undoes what a criu that was killed in the middle of a dump leaves behind: packet filter rules
 * that hold back all packets of the established connections, and the repair mode of those
 * connections, in which the kernel sends nothing. The processes themselves continue by themselves
 * when the process that traces them has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/raw.h"
#include "engine/criu/command/criu.h"
#include "engine/criu/command/network_lock.h"
#include "engine/criu/command/nftables.h"
#include "engine/criu/command/tree.h"

#define TRACER_MS 10000 /* for a killed criu to end */
#define POLL_MS 10

#ifndef SOL_TCP
#define SOL_TCP 6
#endif

/* The process that traces @pid; 0 if none does. */
static pid_t tracer_of(pid_t pid)
{
    char path[64], text[8192];
    uint64_t tracer = 0;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (ckpt_raw_read_file(path, text, sizeof text) > 0)
        ckpt_raw_field(text, "TracerPid:", 10, &tracer);
    return (pid_t)tracer;
}

int ckpt_criu_undo_prepare(pid_t pid, struct ckpt_criu_undo *ret_undo, struct ckpt_error *error)
{
    struct ckpt_criu_undo undo = {.pid = pid, .traced = tracer_of(pid) != 0};
    char path[64];

    undo.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (undo.pidfd < 0)
        return ckpt_error_set(error, errno, "process %d cannot be watched", pid);
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    undo.netns = open(path, O_RDONLY | O_CLOEXEC);
    ckpt_criu_network_lock_tables(undo.netns, undo.tables, sizeof undo.tables);
    *ret_undo = undo;
    return 0;
}

static bool has_ended(const struct ckpt_criu_undo *undo)
{
    struct pollfd end = {.fd = undo->pidfd, .events = POLLIN};

    return poll(&end, 1, 0) != 0;
}

static bool end_tracer(pid_t pid, void *context)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + TRACER_MS;
    pid_t tracer;

    (void)context;
    while ((tracer = tracer_of(pid)) && ckpt_clock_ms(CLOCK_MONOTONIC) < deadline) {
        ckpt_auto_close int pidfd = (int)syscall(SYS_pidfd_open, tracer, 0);
        struct pollfd end = {.fd = pidfd, .events = POLLIN};

        kill(tracer, SIGKILL);
        poll(&end, 1, POLL_MS);
    }
    return false;
}

static bool release_socket(int socket, bool tcp, void *context)
{
    const struct ckpt_criu_undo *undo = context;
    int mode = 0, off = 0;
    socklen_t size = sizeof mode;

    if (!tcp)
        return false;
    ckpt_criu_network_lock_remove(undo->netns, socket);
    if (getsockopt(socket, SOL_TCP, TCP_REPAIR, &mode, &size) == 0 && mode)
        setsockopt(socket, SOL_TCP, TCP_REPAIR, &off, sizeof off);
    return false;
}

static bool release_process(pid_t pid, void *context)
{
    return ckpt_criu_tree_any_socket(pid, release_socket, context);
}

void ckpt_criu_undo_run(const struct ckpt_criu_undo *undo)
{
    bool ended = has_ended(undo);

    if (!ended && !undo->traced)
        ckpt_criu_tree_any(undo->pid, end_tracer, NULL);
    /* Rules first: a connection that leaves the repair mode sends a packet at once. */
    if (!ended)
        ckpt_criu_tree_any(undo->pid, release_process, (void *)undo);
    ckpt_criu_network_lock_remove_tables(undo->netns, undo->tables,
                                         ended || !ckpt_criu_nftables_is_here(undo->netns));
}

void ckpt_criu_undo_close(struct ckpt_criu_undo *undo)
{
    if (undo->pidfd >= 0)
        close(undo->pidfd);
    if (undo->netns >= 0)
        close(undo->netns);
    undo->pidfd = undo->netns = -1;
}
