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
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/poll.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define CONNECT_MS 1000 /* a packet filter may drop the packets without an error */
#define ADDRESS_MS 3000 /* over the loopback interface TIME_WAIT can be replaced after a second */
#define PAUSE_NS 20000000
#define WAITING 128   /* strangers that connect at the same time */
#define PORT_RANGE 51 /* IP_LOCAL_PORT_RANGE, Linux 6.3 */

/* A step that failed, for the message. */
struct failure {
    const struct ckpt_tcp_end *end;
    bool connecting;
    long number;
};

static int make_socket(const struct ckpt_tcp_end *end, struct ckpt_error *error)
{
    long fd = ckpt_syscall(SYS_socket, end->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                           0, 0, 0);

    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot make a socket");
    ckpt_socket_set((int)fd, SOL_SOCKET, SO_REUSEADDR, 1);
    ckpt_socket_buffers_set((int)fd, end->send_buffer, end->receive_buffer);
    if (ckpt_tcp_options_set((int)fd, end->options, end->option_count, CKPT_TCP_BEFORE, error) == 0)
        return (int)fd;
    ckpt_sys_close((int)fd);
    return -1;
}

static long bind_at(int fd, const struct ckpt_tcp_end *end, bool any_port)
{
    uint8_t address[sizeof end->address];

    __builtin_memcpy(address, end->address, sizeof address);
    if (any_port)
        *ckpt_socket_port(address) = 0;
    return ckpt_syscall(SYS_bind, fd, address, end->address_size, 0, 0, 0);
}

/*
 * Bind a socket that will connect.  A port that other connections have been given by the kernel
 * cannot be bound; but it can be shared with them, as the kernel does when it chooses a port
 * itself.
 */
static long bind_client(int fd, const struct ckpt_tcp_end *end, bool any_port)
{
    uint32_t port = ntohs(*ckpt_socket_port((uint8_t *)end->address));
    long failed = bind_at(fd, end, any_port);

    if (failed != -EADDRINUSE || any_port)
        return failed;
    ckpt_socket_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    ckpt_socket_set(fd, IPPROTO_IP, PORT_RANGE, (int)(port << 16 | port));
    if (ckpt_socket_option(fd, IPPROTO_IP, PORT_RANGE) != (int)(port << 16 | port))
        return failed;
    return bind_at(fd, end, true);
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

/* Connect @fd to @port of the peer's address, and wait for the result. */
static long connect_to(int fd, const struct ckpt_tcp_end *end, in_port_t port)
{
    uint8_t peer[sizeof end->peer];
    long failed;

    __builtin_memcpy(peer, end->peer, sizeof peer);
    *ckpt_socket_port(peer) = port;
    failed = ckpt_syscall(SYS_connect, fd, peer, end->address_size, 0, 0, 0);
    if (failed != -EINPROGRESS)
        return failed;
    if (!ckpt_sys_poll(fd, POLLOUT, CONNECT_MS))
        return -ETIMEDOUT;
    return -ckpt_socket_option(fd, SOL_SOCKET, SO_ERROR);
}

/* Connect two sockets. The descriptor of the accepted end, or -1 with @why. */
static int join(int client, int listener, const struct ckpt_tcp_end *from,
                const struct ckpt_tcp_end *to, bool any_port, struct failure *why)
{
    in_port_t port;

    *why = (struct failure){.end = to};
    why->number = bind_at(listener, to, any_port);
    if (why->number < 0)
        return -1;
    why->end = from;
    why->number = bind_client(client, from, any_port);
    if (why->number < 0)
        return -1;
    port = ckpt_socket_own_port(client);
    admit(listener, port ? port : *ckpt_socket_port((uint8_t *)from->address));
    why->end = to;
    why->number = ckpt_syscall(SYS_listen, listener, WAITING, 0, 0, 0, 0);
    if (why->number < 0)
        return -1;
    why->end = from;
    why->connecting = true;
    why->number = connect_to(client, from, ckpt_socket_own_port(listener));
    if (why->number == 0)
        why->number = ckpt_socket_accept_from(listener, client, CONNECT_MS);
    if (why->number >= 0)
        ckpt_socket_set((int)why->number, SOL_SOCKET, SO_DETACH_FILTER, 0);
    return why->number < 0 ? -1 : (int)why->number;
}

/* A connection to be made. */
struct wanted {
    const struct ckpt_tcp_end *from, *to; /* the same one: a socket that is connected to itself */
    bool any_port;
    int fds[2];
    struct failure why; /* of the last attempt */
};

enum outcome {
    MADE,
    FAILED,     /* as `why` says; it may succeed later */
    IMPOSSIBLE, /* the error says why */
};

/* It has inherited what was set for the listener, but not all. */
static enum outcome set_accepted(struct wanted *wanted, struct ckpt_error *error)
{
    const struct ckpt_tcp_end *to = wanted->to;

    if (ckpt_tcp_options_set(wanted->fds[1], to->options, to->option_count, CKPT_TCP_BEFORE,
                             error) == 0)
        return MADE;
    ckpt_sys_close(wanted->fds[0]);
    ckpt_sys_close(wanted->fds[1]);
    return IMPOSSIBLE;
}

static enum outcome attempt(struct wanted *wanted, struct ckpt_error *error)
{
    int client = make_socket(wanted->from, error), listener, accepted;

    if (client < 0)
        return IMPOSSIBLE;
    listener = make_socket(wanted->to, error);
    if (listener < 0) {
        ckpt_sys_close(client);
        return IMPOSSIBLE;
    }
    accepted = join(client, listener, wanted->from, wanted->to, wanted->any_port, &wanted->why);
    ckpt_sys_close(listener);
    if (accepted < 0) {
        ckpt_sys_close(client);
        return FAILED;
    }
    wanted->fds[0] = client;
    wanted->fds[1] = accepted;
    return set_accepted(wanted, error);
}

/* A socket that connects to its own address meets itself: the handshake is made from both sides. */
static enum outcome attempt_self(struct wanted *wanted, struct ckpt_error *error)
{
    const struct ckpt_tcp_end *end = wanted->from;
    int fd = make_socket(end, error);
    uint16_t port;

    if (fd < 0)
        return IMPOSSIBLE;
    wanted->why = (struct failure){.end = end};
    wanted->why.number = bind_client(fd, end, wanted->any_port);
    if (wanted->why.number == 0) {
        wanted->why.connecting = true;
        port = ckpt_socket_own_port(fd);
        wanted->why.number =
            connect_to(fd, end, port ? port : *ckpt_socket_port((uint8_t *)end->address));
    }
    wanted->fds[0] = wanted->fds[1] = fd;
    if (wanted->why.number == 0)
        return MADE;
    ckpt_sys_close(fd);
    return FAILED;
}

/* Whether an address may be free a moment later. */
static bool is_in_use(const struct failure *why)
{
    return why->number == -EADDRINUSE || (why->connecting && why->number == -EADDRNOTAVAIL);
}

/* From one end, and where that fails because an address is in use, from the other one. */
static enum outcome attempt_both(struct wanted *wanted, struct ckpt_error *error)
{
    struct wanted back = {.from = wanted->to, .to = wanted->from};
    enum outcome outcome = attempt(wanted, error);

    if (outcome != FAILED || wanted->any_port || !is_in_use(&wanted->why))
        return outcome;
    outcome = attempt(&back, error);
    wanted->fds[0] = back.fds[1];
    wanted->fds[1] = back.fds[0];
    return outcome;
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

static int make(struct wanted *wanted, struct ckpt_error *error)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + ADDRESS_MS;

    for (;;) {
        enum outcome outcome =
            wanted->from == wanted->to ? attempt_self(wanted, error) : attempt_both(wanted, error);

        if (outcome != FAILED)
            return outcome == MADE ? 0 : -1;
        if (!is_in_use(&wanted->why) || wanted->any_port ||
            ckpt_clock_ms(CLOCK_MONOTONIC) >= deadline)
            return report(wanted->from, wanted->to, &wanted->why, error);
        ckpt_syscall(SYS_nanosleep, &pause, NULL, 0, 0, 0, 0);
    }
}

int ckpt_tcp_connect(const struct ckpt_tcp_end *from, const struct ckpt_tcp_end *to, bool any_port,
                     int ret_fds[2], struct ckpt_error *error)
{
    struct wanted wanted = {.from = from, .to = to, .any_port = any_port};

    if (make(&wanted, error) < 0)
        return -1;
    ret_fds[0] = wanted.fds[0];
    ret_fds[1] = wanted.fds[1];
    return 0;
}

int ckpt_tcp_connect_self(const struct ckpt_tcp_end *end, bool any_port, struct ckpt_error *error)
{
    struct wanted wanted = {.from = end, .to = end, .any_port = any_port};

    return make(&wanted, error) < 0 ? -1 : wanted.fds[0];
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
