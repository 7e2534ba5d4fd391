/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs in the command; follows the rules of parked code because it is linked with the kinds: raw
 * system calls only, no libc except memcpy() and the like.
 *
 * One socket that listens for each family, and one client for all connections: connect() to no
 * address resets a connection, and the client can be used again. So a thousand connections take
 * few system calls each, no two ports at a time, and leave nothing in TIME_WAIT. Only a connection
 * whose peer has closed its side uses up a client.
 *
 * If the loopback interface is down, or a filter drops its packets, the sockets are made in a
 * network namespace of their own, by a child that shares our descriptors: a socket stays in the
 * namespace in which it was made, and what accept() returns is in that of the listener.
 */
#include "engine/builtin/fd/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define LIMIT_S 1 /* a packet filter may drop the packets without an error */

enum place { HERE, ELSEWHERE, NOWHERE };

static struct sockets {
    int client, v4, v6; /* the latter two listen; -1: there is none */
} sockets = {-1, -1, -1};
static enum place place;

static void close_all(struct sockets *all)
{
    int *fds[] = {&all->client, &all->v4, &all->v6};

    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (*fds[i] >= 0)
            ckpt_sys_close(*fds[i]);
        *fds[i] = -1;
    }
}

static int new_socket(int family, int flags, int first_own_fd)
{
    long low =
        ckpt_syscall(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC | flags, IPPROTO_TCP, 0, 0, 0);
    long fd;

    if (low < 0)
        return (int)low;
    fd = ckpt_sys_fcntl((int)low, F_DUPFD_CLOEXEC, first_own_fd);
    ckpt_sys_close((int)low);
    return (int)fd;
}

/* Calls on it do not block forever. */
static int new_client(int first_own_fd)
{
    static const struct timeval limit = {.tv_sec = LIMIT_S};
    int fd = new_socket(AF_INET, 0, first_own_fd);

    ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit, 0);
    ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit, 0);
    return fd;
}

/* IPv6 sockets accept IPv4 connections too. */
static int new_listener(int family, int first_own_fd)
{
    uint8_t address[32];
    uint32_t size = ckpt_socket_loopback(family, address);
    int fd = new_socket(family, SOCK_NONBLOCK, first_own_fd);
    long failed;

    if (fd < 0)
        return fd;
    failed = ckpt_syscall(SYS_bind, fd, address, size, 0, 0, 0);
    if (failed == 0)
        failed = ckpt_syscall(SYS_listen, fd, 8, 0, 0, 0, 0);
    if (failed == 0)
        return fd;
    ckpt_sys_close(fd);
    return (int)failed;
}

static bool make_sockets(int first_own_fd, struct sockets *ret)
{
    ret->client = new_client(first_own_fd);
    ret->v4 = new_listener(AF_INET, first_own_fd);
    ret->v6 = new_listener(AF_INET6, first_own_fd);
    if (ret->client >= 0 && ret->v4 >= 0)
        return true;
    close_all(ret);
    return false;
}

static bool raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    long fd = ckpt_syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    bool raised = fd >= 0 && ckpt_sys_ioctl((int)fd, SIOCSIFFLAGS, &request) == 0;

    if (fd >= 0)
        ckpt_sys_close((int)fd);
    return raised;
}

/* The child shares our descriptors, but not our memory. */
static void run_child(int first_own_fd, int to)
{
    struct sockets made;

    if (raise_loopback() && make_sockets(first_own_fd, &made))
        ckpt_syscall(SYS_write, to, &made, sizeof made, 0, 0, 0);
    for (;;)
        ckpt_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static bool make_elsewhere(int first_own_fd, struct sockets *ret)
{
    int ends[2];
    long child, got = -1;

    if (ckpt_syscall(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0) < 0)
        return false;
    child = ckpt_syscall(SYS_clone, CLONE_FILES | CLONE_NEWNET, 0, 0, 0, 0, 0);
    if (child == -EPERM)
        child = ckpt_syscall(SYS_clone, CLONE_FILES | CLONE_NEWUSER | CLONE_NEWNET, 0, 0, 0, 0, 0);
    if (child == 0)
        run_child(first_own_fd, ends[1]);
    if (child > 0) {
        while (ckpt_syscall(SYS_wait4, child, NULL, __WALL, NULL, 0, 0) == -EINTR)
            ;
        got = ckpt_syscall(SYS_read, ends[0], ret, sizeof *ret, 0, 0, 0);
    }
    ckpt_sys_close(ends[0]);
    ckpt_sys_close(ends[1]);
    return got == sizeof *ret;
}

static bool make_all(int first_own_fd)
{
    close_all(&sockets);
    return place == HERE ? make_sockets(first_own_fd, &sockets)
                         : make_elsewhere(first_own_fd, &sockets);
}

static long connect_once(int family)
{
    int listener = family == AF_INET6 ? sockets.v6 : sockets.v4;
    uint8_t address[32];
    uint32_t size = ckpt_socket_loopback(AF_INET, address);
    long result;

    if (listener < 0)
        return -EAFNOSUPPORT;
    *ckpt_socket_port(address) = ckpt_socket_own_port(listener);
    result = ckpt_syscall(SYS_connect, sockets.client, address, size, 0, 0, 0);
    if (result == 0)
        result = ckpt_socket_accept_from(listener, sockets.client, LIMIT_S * 1000);
    if (result < 0)
        ckpt_loopback_done(sockets.client);
    return result;
}

long ckpt_loopback_connect(int first_own_fd, int family, int *ret_peer)
{
    long fd = -ENETDOWN;

    for (; fd < 0 && place != NOWHERE; place += fd < 0) {
        if (sockets.client < 0 && !make_all(first_own_fd))
            continue;
        fd = connect_once(family);
        if (fd == -EAFNOSUPPORT)
            break;
        if (fd < 0)
            close_all(&sockets);
    }
    *ret_peer = sockets.client;
    return place == NOWHERE ? -ENETDOWN : fd;
}

void ckpt_loopback_close(void)
{
    ckpt_sys_close(sockets.client);
    sockets.client = -1;
}

void ckpt_loopback_done(int peer)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};

    ckpt_syscall(SYS_connect, peer, &none, sizeof none, 0, 0, 0);
}
