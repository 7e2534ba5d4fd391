/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See connections.h.
 *
 * TCP: criu refuses sockets in all states except LISTEN and CLOSE, also those over which neither
 * side can send any more, until the kernel has closed them. Connections that wait to be accepted
 * are no obstacle: criu leaves them out.
 *
 * Unix: criu keeps a connection of which it dumps both ends. Where that is not certain, criu is
 * left to decide.
 */
#include "engine/criu/parked/connections.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/descriptors.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/engine.h"
#include "engine/parked/socket_facts.h"

#define ANCESTORS_MAX 64

/* -1: not known. */
static long parent_of(long pid)
{
    char path[64], text[4096];
    uint64_t parent;

    ckpt_raw_format(path, sizeof path, "/proc/%ld/status", pid);
    if (ckpt_raw_read_file(path, text, sizeof text) < 0 ||
        !ckpt_raw_field(text, "PPid:", 10, &parent))
        return -1;
    return (long)parent;
}

/* Whether a process is neither this one nor below it; false if that is not known. 0: outside. */
static bool is_outside(long pid)
{
    long own = ckpt_sys_getpid();

    for (int i = 0; i < ANCESTORS_MAX && pid > 0; i++) {
        if (pid == own)
            return false;
        pid = parent_of(pid);
    }
    return pid == 0;
}

/*
 * Whether a Unix socket is connected to a process that is outside, whose PID is *ret_pid; 0: it has
 * none in this namespace.
 */
static bool has_peer_outside(int number, long *ret_pid)
{
    struct pollfd hangup = {.fd = number};
    struct timespec now = {0};
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;

    if (ckpt_socket_option(number, SOL_SOCKET, SO_DOMAIN) != AF_UNIX ||
        ckpt_socket_option(number, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM ||
        ckpt_socket_option(number, SOL_SOCKET, SO_ACCEPTCONN) ||
        ckpt_syscall(SYS_getsockopt, number, SOL_SOCKET, SO_PEERCRED, &peer, &size, 0) < 0)
        return false;
    /* Not connected; or the other end is closed, and criu keeps this one. */
    if (ckpt_syscall(SYS_ppoll, &hangup, 1, &now, NULL, 8, 0) < 0 || (hangup.revents & POLLHUP))
        return false;
    *ret_pid = peer.pid;
    return is_outside(peer.pid);
}

static void report_tcp(int number, const char *remedy, struct ckpt_report *report)
{
    unsigned state = ckpt_socket_tcp_state(number);
    char text[192];

    if (!state || state == TCP_LISTEN || state == TCP_CLOSE)
        return;
    ckpt_socket_tcp_text(number, state, text, sizeof text);
    ckpt_report_refuse(report, "socket",
                       "close it in a beforeCheckpoint hook, or %s, which keeps it",
                       "descriptor %d is %s", number, text, remedy);
}

static void report_unix(int number, struct ckpt_report *report)
{
    char path[64], name[32], process[80] = "a process of another PID namespace";
    long pid, length;

    if (!has_peer_outside(number, &pid))
        return;
    ckpt_raw_format(path, sizeof path, "/proc/%ld/comm", pid);
    length = ckpt_raw_read_file(path, name, sizeof name);
    name[length > 0 ? length - 1 : 0] = '\0'; /* without the newline */
    if (pid)
        ckpt_raw_format(process, sizeof process, "process %ld ('%s')", pid, name);
    ckpt_report_refuse(
        report, "socket", "close it in a beforeCheckpoint hook, or end that process",
        "descriptor %d is a Unix socket that is connected to %s, which is not frozen with the JVM",
        number, process);
}

int ckpt_criu_connections_report(const struct ckpt_offer *offer, unsigned kept, const char *remedy,
                                 struct ckpt_report *report, struct ckpt_error *error)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open_own(&list);
    while (ckpt_descriptors_next(&list)) {
        if (ckpt_offer_has(offer, list.number))
            continue;
        report->about = list.number + 1;
        if (!(kept & CKPT_CONNECTIONS_TCP))
            report_tcp(list.number, remedy, report);
        if (!(kept & CKPT_CONNECTIONS_UNIX))
            report_unix(list.number, report);
    }
    report->about = 0;
    return list.failed ? ckpt_error_set(error, -list.failed, "cannot list /proc/self/fd") : 0;
}
