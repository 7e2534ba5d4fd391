// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A connection of a process with itself is made at its addresses while strangers connect to one of
// them, and none of these gets into it, nor into one that is made for a connection that has ended;
// what is in its queues is read without being consumed.

#include "engine/builtin/fd/tcp_connect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/builtin/fd/ended_connection.h"
#include "engine/builtin/fd/tcp_queue.h"
#include "tap.h"

#define ROUNDS 300

static struct sockaddr_in free_address(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        tap_note("there is no free port");
    close(fd);
    return address;
}

static struct ckpt_tcp_end make_end(struct sockaddr_in own, struct sockaddr_in peer)
{
    struct ckpt_tcp_end end = {.family = AF_INET, .address_size = sizeof own};

    memcpy(end.address, &own, sizeof own);
    memcpy(end.peer, &peer, sizeof peer);
    return end;
}

/* Connect to @to again and again, and send a byte that must not arrive. */
static pid_t start_stranger(const struct sockaddr_in *to)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
            send(fd, "!", 1, MSG_NOSIGNAL);
        close(fd);
    }
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static bool talks(int from, int to)
{
    struct timeval patience = {.tv_sec = 120};
    char got = 0;

    setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    fcntl(to, F_SETFL, 0);
    return send(from, "x", 1, MSG_NOSIGNAL) == 1 && recv(to, &got, 1, 0) == 1 && got == 'x';
}

static void test_strangers(void)
{
    struct sockaddr_in here = free_address(), there = free_address();
    struct ckpt_tcp_end from = make_end(here, there), to = make_end(there, here);
    pid_t strangers[2] = {start_stranger(&there), start_stranger(&there)};
    int made = 0, right = 0, fds[2];
    struct ckpt_error error = {.text = ""};

    for (int i = 0; i < ROUNDS; i++) {
        if (ckpt_tcp_connect(&from, &to, false, fds, &error) < 0)
            break;
        made++;
        right += talks(fds[0], fds[1]) && talks(fds[1], fds[0]);
        reset(fds[0]);
        reset(fds[1]);
    }
    for (int i = 0; i < 2; i++) {
        kill(strangers[i], SIGKILL);
        waitpid(strangers[i], NULL, 0);
    }
    if (!TAP_INT(made, ROUNDS, "connection: it is made while strangers connect"))
        tap_note("%s", error.text);
    TAP_INT(right, made, "connection: none of the strangers gets into it");
}

/* How many connections for ended ones are what they have to be: readable, then at the end. */
static int count_ended(int rounds)
{
    const struct ckpt_ended_end end = {.how = CKPT_ENDED_BY_PEER, .unread = "x", .size = 1};
    struct ckpt_error error = {.text = ""};
    int right = 0;

    for (int i = 0; i < rounds; i++) {
        int fd = ckpt_ended_connection_make(100, i % 2 ? AF_INET : AF_INET6, &end, &error);
        char got[2] = "";

        if (fd < 0) {
            tap_note("%s", error.text);
            continue;
        }
        right += recv(fd, got, 2, 0) == 1 && got[0] == 'x' && recv(fd, got, 2, 0) == 0;
        close(fd);
    }
    return right;
}

/* Connect to each socket that @victim listens at, again and again. */
static void disturb(pid_t victim)
{
    for (;;) {
        for (int number = 100; number < 110; number++) {
            int process = (int)syscall(SYS_pidfd_open, victim, 0);
            int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
            struct sockaddr_in to = {.sin_family = AF_INET};
            socklen_t size = sizeof to, length = sizeof(int);
            int accepts = 0;

            if (fd >= 0 && getsockname(fd, (struct sockaddr *)&to, &size) == 0 &&
                getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts) {
                int stranger = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

                to.sin_family = AF_INET;
                to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                connect(stranger, (struct sockaddr *)&to, sizeof to);
                send(stranger, "!", 1, MSG_NOSIGNAL);
                close(stranger);
            }
            close(fd);
            close(process);
        }
    }
}

static void test_ended(void)
{
    pid_t victim = getpid(), strangers[2];

    TAP_INT(count_ended(20), 20, "ended: what the peer has sent, and the end");
    for (int i = 0; i < 2; i++) {
        strangers[i] = fork();
        if (strangers[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            disturb(victim);
        }
    }
    TAP_INT(count_ended(ROUNDS), ROUNDS, "ended: also while strangers connect");
    for (int i = 0; i < 2; i++) {
        kill(strangers[i], SIGKILL);
        waitpid(strangers[i], NULL, 0);
    }
}

static void test_queue(void)
{
    struct sockaddr_in here = free_address(), there = free_address();
    struct ckpt_tcp_end from = make_end(here, there), to = make_end(there, here);
    static char sent[3 << 20], got[3 << 20];
    struct ckpt_tcp_queue queue, again = {.size = sizeof sent, .urgent = CKPT_TCP_NOT_URGENT};
    struct ckpt_error error = {.text = ""};
    int fds[2];

    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7 + i / 251);
    if (ckpt_tcp_connect(&from, &to, true, fds, &error) < 0) {
        TAP_OK(false, error.text);
        return;
    }
    if (!TAP_INT(ckpt_tcp_queue_fill(fds[0], fds[1], &again, sent, &error), 0,
                 "queue: more than the receiver's buffer can be sent"))
        tap_note("%s", error.text);
    TAP_OK(ckpt_tcp_queue_drain(fds[0], fds[1]), "queue: all of it arrives");
    TAP_INT((long long)ckpt_tcp_queue_size(fds[1]), sizeof sent, "queue: its size is known");
    for (int i = 0; i < 2; i++) {
        memset(got, 0, sizeof got);
        TAP_OK(ckpt_tcp_queue_peek(fds[1], got, sizeof got, &queue) == 0 &&
                   queue.size == sizeof got && memcmp(sent, got, sizeof got) == 0,
               i ? "queue: it is still there" : "queue: it can be read");
    }
    reset(fds[0]);
    reset(fds[1]);
}

static void test_self(void)
{
    struct sockaddr_in here = free_address();
    struct ckpt_tcp_end end = make_end(here, here);
    struct ckpt_error error = {.text = ""};
    int fd = ckpt_tcp_connect_self(&end, false, &error);

    if (TAP_OK(fd >= 0, "a socket can be connected to itself")) {
        TAP_OK(talks(fd, fd), "a socket that is connected to itself receives what it sends");
        reset(fd);
    } else {
        tap_note("%s", error.text);
    }
}

int main(void)
{
    test_strangers();
    test_ended();
    test_queue();
    test_self();
    return tap_done();
}
