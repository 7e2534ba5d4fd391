/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs in the command; follows the rules of parked code because it is linked with the kinds: raw
 * system calls only, no libc except memcpy() and the like.
 *
 * See tcp_connect.h.  One end listens at its address for a moment, the other connects from its own.
 * Other processes may connect meanwhile, since clients wait for a server to be back.  A filter lets
 * only packets from the right port pass: strangers get no answer, and their kernels try again after
 * a second, when the real server listens.  Besides, the peer's address of what is accepted is
 * compared, and any other is reset, never given to the application.
 *
 * No socket of the image listens yet (kind_tcp.c does that last), and all are bound with
 * SO_REUSEADDR, so the temporary listener can have the address of the real one.  It never has
 * SO_REUSEPORT: in a group with listeners of other processes, it would take their clients.
 *
 * After the end of the JVM that had the connection, one of its ends may be in TIME_WAIT for a
 * minute.  Then connecting from that end's address fails, but connecting to it works: a new
 * connection may replace an old one in TIME_WAIT.  So both directions are tried; the application
 * cannot see which it was.
 */
#include "engine/builtin/fd/tcp_connect.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define CONNECT_MS 1000 /* a packet filter may drop the packets without an error */
#define ADDRESS_MS 3000 /* over the loopback interface TIME_WAIT can be replaced after a second */
#define PAUSE_NS 20000000
#define WAITING 128   /* strangers that connect at the same time */
#define PORT_RANGE 51 /* IP_LOCAL_PORT_RANGE, Linux 6.3 */

/* The first step that failed, for the message. */
struct failure {
    const struct ckpt_tcp_end *end;
    bool connecting;
    long number;
};

static void set(int fd, int level, int name, uint32_t value)
{
    ckpt_syscall(SYS_setsockopt, fd, level, name, &value, sizeof value, 0);
}

static in_port_t *port_of(uint8_t *address)
{
    return &((struct sockaddr_in *)(void *)address)->sin_port; /* same offset in both families */
}

static int make_socket(const struct ckpt_tcp_end *end, struct ckpt_error *error)
{
    long fd = ckpt_syscall(SYS_socket, end->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                           0, 0, 0);

    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot make a socket");
    set((int)fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (end->send_buffer)
        set((int)fd, SOL_SOCKET, SO_SNDBUF, end->send_buffer);
    if (end->receive_buffer)
        set((int)fd, SOL_SOCKET, SO_RCVBUF, end->receive_buffer);
    if (ckpt_tcp_options_set((int)fd, end->options, end->option_count, CKPT_TCP_BEFORE, error) == 0)
        return (int)fd;
    ckpt_sys_close((int)fd);
    return -1;
}

/*
 * Bind a socket that will connect.  A port that other connections have been given by the kernel
 * cannot be bound; but it can be shared with them, as the kernel does when it chooses a port
 * itself.
 */
static long bind_client(int fd, const struct ckpt_tcp_end *end, bool any_port)
{
    uint8_t address[sizeof end->address];
    uint32_t port;
    long failed;

    __builtin_memcpy(address, end->address, sizeof address);
    port = ntohs(*port_of(address));
    if (any_port)
        *port_of(address) = 0;
    failed = ckpt_syscall(SYS_bind, fd, address, end->address_size, 0, 0, 0);
    if (failed != -EADDRINUSE || any_port)
        return failed;
    set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    set(fd, IPPROTO_IP, PORT_RANGE, port << 16 | port);
    if (ckpt_socket_option(fd, IPPROTO_IP, PORT_RANGE) != (int)(port << 16 | port))
        return failed;
    *port_of(address) = 0;
    return ckpt_syscall(SYS_bind, fd, address, end->address_size, 0, 0, 0);
}

static in_port_t bound_port(int fd)
{
    uint8_t address[32] = {0};
    socklen_t size = sizeof address;

    ckpt_syscall(SYS_getsockname, fd, address, &size, 0, 0, 0);
    return *port_of(address);
}

/*
 * Let only packets from @port reach a listening socket. A filter sees them from TCP's header on.
 */
static void admit(int listener, in_port_t port)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(port), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};

    ckpt_syscall(SYS_setsockopt, listener, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter, 0);
}

static long bind_server(int fd, const struct ckpt_tcp_end *end, bool any_port)
{
    uint8_t address[sizeof end->address];

    __builtin_memcpy(address, end->address, sizeof address);
    if (any_port)
        *port_of(address) = 0;
    return ckpt_syscall(SYS_bind, fd, address, end->address_size, 0, 0, 0);
}

static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd poll = {.fd = fd, .events = events};
    int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
    struct timespec timeout = ckpt_clock_from_ms(left > 0 ? left : 0);

    return ckpt_syscall(SYS_ppoll, &poll, 1, &timeout, NULL, 0, 0) > 0;
}

/* Connect @fd to @port of the peer's address, and wait for the result. */
static long connect_to(int fd, const struct ckpt_tcp_end *end, in_port_t port)
{
    uint8_t peer[sizeof end->peer];
    long failed;

    __builtin_memcpy(peer, end->peer, sizeof peer);
    *port_of(peer) = port;
    failed = ckpt_syscall(SYS_connect, fd, peer, end->address_size, 0, 0, 0);
    if (failed != -EINPROGRESS)
        return failed;
    if (!wait_for(fd, POLLOUT, ckpt_clock_ms(CLOCK_MONOTONIC) + CONNECT_MS))
        return -ETIMEDOUT;
    return -ckpt_socket_option(fd, SOL_SOCKET, SO_ERROR);
}

static bool is_connected(int fd, int to)
{
    uint8_t here[32] = {0}, there[32] = {0};
    socklen_t here_size = sizeof here, there_size = sizeof there;

    return ckpt_syscall(SYS_getsockname, to, here, &here_size, 0, 0, 0) == 0 &&
           ckpt_syscall(SYS_getpeername, fd, there, &there_size, 0, 0, 0) == 0 &&
           ckpt_socket_same_address(here, there);
}

/* Accept the connection from @client, and reset all others. */
static long accept_from(int listener, int client)
{
    struct linger now = {.l_onoff = 1};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + CONNECT_MS;

    for (;;) {
        long fd =
            ckpt_syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);

        if (fd >= 0 && is_connected((int)fd, client))
            return fd;
        if (fd >= 0) {
            ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &now, sizeof now, 0);
            ckpt_sys_close((int)fd);
        } else if (fd != -EAGAIN && fd != -ECONNABORTED && fd != -EINTR) {
            return fd;
        }
        if (ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline)
            return -ETIMEDOUT;
        wait_for(listener, POLLIN, deadline);
    }
}

/* Connect two sockets. The descriptor of the accepted end, or -1 with @why. */
static int join(int client, int listener, const struct ckpt_tcp_end *from,
                const struct ckpt_tcp_end *to, bool any_port, struct failure *why)
{
    in_port_t port;

    *why = (struct failure){.end = to};
    why->number = bind_server(listener, to, any_port);
    if (why->number < 0)
        return -1;
    why->end = from;
    why->number = bind_client(client, from, any_port);
    if (why->number < 0)
        return -1;
    port = bound_port(client);
    admit(listener, port ? port : *port_of((uint8_t *)from->address));
    why->end = to;
    why->number = ckpt_syscall(SYS_listen, listener, WAITING, 0, 0, 0, 0);
    if (why->number < 0)
        return -1;
    why->end = from;
    why->connecting = true;
    why->number = connect_to(client, from, bound_port(listener));
    if (why->number == 0)
        why->number = accept_from(listener, client);
    if (why->number >= 0)
        set((int)why->number, SOL_SOCKET, SO_DETACH_FILTER, 0);
    return why->number < 0 ? -1 : (int)why->number;
}

/*
 * One attempt. 0; 1: it failed as @why says, and may succeed later; -1 with @error: it cannot be
 * attempted.
 */
static int attempt(const struct ckpt_tcp_end *from, const struct ckpt_tcp_end *to, bool any_port,
                   int ret_fds[2], struct failure *why, struct ckpt_error *error)
{
    int client = make_socket(from, error), listener, accepted;

    if (client < 0)
        return -1;
    listener = make_socket(to, error);
    if (listener < 0) {
        ckpt_sys_close(client);
        return -1;
    }
    accepted = join(client, listener, from, to, any_port, why);
    ckpt_sys_close(listener);
    if (accepted < 0) {
        ckpt_sys_close(client);
        return 1;
    }
    ret_fds[0] = client;
    ret_fds[1] = accepted;
    /* It has inherited what was set for the listener, but not all. */
    if (ckpt_tcp_options_set(accepted, to->options, to->option_count, CKPT_TCP_BEFORE, error) == 0)
        return 0;
    ckpt_sys_close(client);
    ckpt_sys_close(accepted);
    return -1;
}

static const char *hint(const struct failure *why)
{
    if (why->number == -EADDRNOTAVAIL && !why->connecting)
        return "; give the machine that address ('ip link set lo up' for the loopback interface)";
    if (why->number == -EADDRNOTAVAIL || why->number == -EADDRINUSE)
        return "; end the process that uses it, or wait for a minute if it has ended, or restore "
               "in a network namespace of its own";
    if (why->number == -EACCES)
        return "; ports below 1024 are for root and CAP_NET_BIND_SERVICE";
    return "; a packet filter may prevent it, or the loopback interface may be down";
}

static int report(const struct ckpt_tcp_end *from, const struct ckpt_tcp_end *to,
                  const struct failure *why, struct ckpt_error *error)
{
    char here[64], there[64], port[64];
    /* The kernel says so when both addresses together are in use. */
    bool taken = why->connecting && why->number == -EADDRNOTAVAIL;

    ckpt_socket_address_text(from->address, here, sizeof here);
    ckpt_socket_address_text(to->address, there, sizeof there);
    ckpt_socket_address_text(why->end->address, port, sizeof port);
    return ckpt_error_set(
        error, taken ? EADDRINUSE : (int)-why->number,
        "cannot make the JVM's connection with itself, from %s to %s, again: %s %s%s", here, there,
        why->connecting ? "connecting from" : "binding", port, hint(why));
}

/* Whether an address may be free a moment later. */
static bool is_in_use(const struct failure *why)
{
    return why->number == -EADDRINUSE || (why->connecting && why->number == -EADDRNOTAVAIL);
}

int ckpt_tcp_connect(const struct ckpt_tcp_end *from, const struct ckpt_tcp_end *to, bool any_port,
                     int ret_fds[2], struct ckpt_error *error)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + ADDRESS_MS;
    struct failure why, other;

    for (;;) {
        int result = attempt(from, to, any_port, ret_fds, &why, error), fd;

        if (result <= 0)
            return result;
        if (!is_in_use(&why) || any_port)
            return report(from, to, &why, error);
        result = attempt(to, from, any_port, ret_fds, &other, error);
        if (result < 0)
            return -1;
        if (result == 0) {
            fd = ret_fds[0];
            ret_fds[0] = ret_fds[1];
            ret_fds[1] = fd;
            return 0;
        }
        if (ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline)
            return report(from, to, &why, error);
        ckpt_syscall(SYS_nanosleep, &pause, NULL, 0, 0, 0, 0);
    }
}

/* A socket that connects to its own address meets itself: the handshake is made from both sides. */
static int attempt_self(const struct ckpt_tcp_end *end, bool any_port, struct failure *why,
                        struct ckpt_error *error)
{
    int fd = make_socket(end, error);
    in_port_t port;

    if (fd < 0)
        return -1;
    *why = (struct failure){.end = end};
    why->number = bind_client(fd, end, any_port);
    if (why->number == 0) {
        why->connecting = true;
        port = bound_port(fd);
        why->number = connect_to(fd, end, port ? port : *port_of((uint8_t *)end->address));
    }
    if (why->number == 0)
        return fd;
    ckpt_sys_close(fd);
    return -1;
}

int ckpt_tcp_connect_self(const struct ckpt_tcp_end *end, bool any_port, struct ckpt_error *error)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + ADDRESS_MS;
    struct failure why = {.end = NULL};

    for (;;) {
        int fd = attempt_self(end, any_port, &why, error);

        if (fd >= 0 || !why.end)
            return fd;
        if (!is_in_use(&why) || any_port || ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline)
            return report(end, end, &why, error);
        ckpt_syscall(SYS_nanosleep, &pause, NULL, 0, 0, 0, 0);
    }
}

int ckpt_tcp_connect_test(const struct ckpt_tcp_end *end, struct ckpt_error *error)
{
    struct failure why = {.end = end};
    int fd = make_socket(end, error);

    if (fd < 0)
        return -1;
    why.number = bind_client(fd, end, false);
    ckpt_sys_close(fd);
    return why.number < 0 ? report(end, end, &why, error) : 0;
}
