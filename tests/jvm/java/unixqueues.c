// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Part of unixsockets.t's library: large queues, datagram sockets that are connected in unusual
// ways, and sockets whose other end a policy closes.

#define _GNU_SOURCE
#include "unixsockets.h"

#include <signal.h>
#include <sys/prctl.h>

enum { LARGE = 400000 };
static char sent[LARGE], found[LARGE];

// ---- large queues

// Send a message of this size, whose bytes depend on @seed.
static const char *put_large(int fd, int size, int seed, const char *name)
{
    struct sockaddr_un address;
    socklen_t address_size = address_of(name, &address);

    for (int i = 0; i < size; i++)
        sent[i] = (char)((i + seed) % 251);
    return sendto(fd, sent, (size_t)size, MSG_DONTWAIT, (struct sockaddr *)&address,
                  address_size) == size
               ? NULL
               : FAIL("cannot send %d bytes to '%s': %m", size, name);
}

static const char *get_large(int fd, int size, int seed)
{
    ssize_t got = recv(fd, found, sizeof found, MSG_DONTWAIT);

    if (got != size)
        return FAIL("wanted %d bytes, got %zd: %m", size, got);
    for (int i = 0; i < size; i++)
        if (found[i] != (char)((i + seed) % 251))
            return FAIL("byte %d of %d is wrong", i, size);
    return NULL;
}

// Each sender has a buffer of its own: together they queue more than one of them could.
static const char *senders(int first)
{
    static int server;

    if (first)
        MUST(bound(SOCK_DGRAM, "senders", &server));
    for (int i = 0; i < 10 && !first; i++)
        MUST(get_large(server, 32000, i));
    MUST(get_error(server, EAGAIN));
    for (int i = 0; i < 10; i++) {
        int one = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        MUST(put_large(one, 32000, i, "senders"));
        close(one);
    }
    return NULL;
}

// A message that needs a larger buffer than a new socket has, of a sender which is shut down then.
static const char *buffers(int first)
{
    static int named, nameless, server;
    int size = LARGE;

    if (first) {
        MUST(bound(SOCK_DGRAM, "buffer", &named));
        MUST(bound(SOCK_DGRAM, "buffers", &server));
    } else {
        MUST(get_large(server, 380000, 1));
        MUST(get_large(server, 390000, 2));
        MUST(put_error(named, EPIPE));
        MUST(get_error(server, EAGAIN));
        close(named);
        unlink(file_of("buffer"));
        MUST(bound(SOCK_DGRAM, "buffer", &named));
    }
    nameless = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(named, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(nameless, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    MUST(put_large(named, 380000, 1, "buffers"));
    MUST(put_large(nameless, 390000, 2, "buffers"));
    shutdown(named, SHUT_WR);
    close(nameless);
    return NULL;
}

static ssize_t fill(int fd, size_t piece)
{
    ssize_t size = 0, part;

    while ((part = send(fd, sent, piece, MSG_DONTWAIT)) > 0)
        size += part;
    return size;
}

static const char *drain(int fd, ssize_t size)
{
    ssize_t all = 0, part;

    while ((part = recv(fd, found, sizeof found, MSG_DONTWAIT)) > 0)
        all += part;
    return all == size ? NULL : FAIL("%zd bytes instead of %zd", all, size);
}

// A full queue that was written in large pieces, of an end that is there, and of a closed one.
static const char *pieces(int first)
{
    static int ends[2], closed[2], larger[2];
    static ssize_t size, closed_size, larger_size;
    static int limit;
    int bytes = 300000;

    if (first) {
        MUST(pair(SOCK_STREAM, ends));
        MUST(pair(SOCK_STREAM, larger));
        setsockopt(larger[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        limit = option(ends[0], SO_SNDBUF);
    } else {
        MUST(drain(ends[1], size));
        MUST(drain(larger[1], larger_size));
        MUST(drain(closed[1], closed_size));
        MUST(get_error(closed[1], 0));
        close(closed[1]);
    }
    if (option(ends[0], SO_SNDBUF) != limit)
        return FAIL("SO_SNDBUF is %d instead of %d", option(ends[0], SO_SNDBUF), limit);
    MUST(pair(SOCK_STREAM, closed));
    size = fill(ends[0], 65536);
    larger_size = fill(larger[0], 100000);
    closed_size = fill(closed[0], 48000);
    close(closed[0]);
    return NULL;
}

// ---- connections of datagram sockets

// A socket that is connected to itself, with more messages than another one could queue.
static const char *itself(int first)
{
    static int fd;
    char text[20];

    if (first) {
        MUST(bound(SOCK_DGRAM, "itself", &fd));
        MUST(connected(fd, "itself"));
    }
    MUST(has_name(fd, "itself", 0));
    MUST(has_name(fd, "itself", 1));
    for (int i = 0; i < 40 && !first; i++) {
        snprintf(text, sizeof text, "message %d", i);
        MUST(get_from(fd, text, "itself"));
    }
    MUST(get_error(fd, EAGAIN));
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "message %d", i);
        MUST(put(fd, text));
    }
    return NULL;
}

// A socket that is connected takes no connection, so a restore must keep the order.
static const char *chain(int first)
{
    static int one, two, three, client, stranger, unread;

    if (first) {
        MUST(bound(SOCK_DGRAM, "chain-1", &one));
        MUST(bound(SOCK_DGRAM, "@chain-2", &two));
        MUST(bound(SOCK_DGRAM, "chain-3", &three));
        client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        stranger = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        MUST(put_to(stranger, "of a stranger", "chain-1"));
        MUST(connected(client, "chain-1"));
        MUST(put(client, "of the client"));
        MUST(connected(one, "@chain-2"));
        MUST(connected(two, "chain-3"));
        unread = 1;
    } else if (unread) {
        MUST(get_from(one, "of a stranger", NULL));
        MUST(get_from(one, "of the client", NULL));
        unread = 0;
    }
    MUST(has_name(client, "chain-1", 1));
    MUST(has_name(one, "@chain-2", 1));
    MUST(has_name(two, "chain-3", 1));
    if (!put_to(stranger, "refused", "chain-1"))
        return FAIL("a socket that is connected takes messages of others");
    return NULL;
}

// The file of a socket that has unread messages, and to which another one is connected, is renamed.
static const char *moved(int first)
{
    static int server, client, hidden;
    char old[200];

    if (first) {
        MUST(bound(SOCK_DGRAM, "moved.new", &server));
        MUST(bound(SOCK_DGRAM, "hidden.new", &hidden));
        client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        MUST(connected(client, "moved.new"));
        snprintf(old, sizeof old, "%s", file_of("moved.new"));
        rename(old, file_of("moved"));
        snprintf(old, sizeof old, "%s", file_of("hidden.new"));
        rename(old, file_of(".hidden"));
    } else {
        MUST(get(server, "of the client"));
        MUST(get(hidden, "to .hidden"));
    }
    MUST(has_name(server, "moved.new", 0));
    MUST(put(client, "of the client"));
    MUST(put_to(client, "to .hidden", ".hidden"));
    return NULL;
}

// Sockets of different types can have the same abstract name.
static const char *same_name(int first)
{
    static int server, client, accepted, sender, receiver;

    if (first) {
        MUST(bound(SOCK_STREAM, "@same", &server));
        listen(server, 1);
        client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        MUST(connected(client, "@same"));
        accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        MUST(bound(SOCK_DGRAM, "@same", &sender));
        MUST(bound(SOCK_DGRAM, "@receiver", &receiver));
    } else {
        MUST(get_from(receiver, "datagram", "@same"));
        MUST(get(accepted, "stream"));
    }
    MUST(put(client, "stream"));
    return put_to(sender, "datagram", "@receiver");
}

// The time of a message comes before its credentials, or in their place.
static const char *times(int first)
{
    static int ends[2], nanoseconds[2];
    char control[200];
    struct iovec vector = {.iov_base = found, .iov_len = 5};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    int on = 1;

    if (first) {
        MUST(pair(SOCK_SEQPACKET, ends));
        MUST(pair(SOCK_DGRAM, nanoseconds));
        setsockopt(ends[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
        setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        setsockopt(nanoseconds[1], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        setsockopt(nanoseconds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    } else {
        if (recvmsg(ends[1], &message, MSG_DONTWAIT) != 5)
            return FAIL("the message is lost: %m");
        if (CMSG_FIRSTHDR(&message)->cmsg_type != SO_TIMESTAMP)
            return FAIL("the message has no time");
        MUST(get(nanoseconds[1], "noted"));
    }
    if (option(ends[1], SO_TIMESTAMP) != 1 || option(nanoseconds[1], SO_TIMESTAMPNS) != 1 ||
        option(ends[1], SO_PASSCRED) != 1)
        return FAIL("SO_TIMESTAMP or SO_PASSCRED is not as it was");
    MUST(put(ends[0], "timed"));
    return put(nanoseconds[0], "noted");
}

// ---- closed by a policy

// What unixsockets.t closes: "target", to which one is connected and which has sent a message, and
// descriptor 500, the other end of a pair that has a name.
static const char *closing(int first)
{
    static int client, receiver, target, ends[2];
    struct sockaddr_un address;
    socklen_t size;

    if (first) {
        client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        MUST(bound(SOCK_DGRAM, "receiver", &receiver));
        MUST(bound(SOCK_DGRAM, "target", &target));
        MUST(connected(client, "target"));
        MUST(put_to(target, "answer me", "receiver"));
        MUST(pair(SOCK_DGRAM, ends));
        size = address_of("half-named", &address);
        if (bind(ends[0], (struct sockaddr *)&address, size) < 0)
            return FAIL("bind: %m");
        MUST(put(ends[1], "the last"));
        dup3(ends[1], 500, O_CLOEXEC);
        close(ends[1]);
        return NULL;
    }
    MUST(get_from(receiver, "answer me", "target"));
    MUST(put_error(client, ECONNREFUSED));
    MUST(has_name(ends[0], "half-named", 0));
    MUST(get(ends[0], "the last"));
    MUST(put_error(ends[0], ECONNREFUSED));
    return put_to(client, "hello", "half-named");
}

// A child process has copies of both ends.
static const char *shared(int first)
{
    static int ends[2];

    if (first) {
        MUST(pair(SOCK_STREAM, ends));
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
    } else {
        MUST(get(ends[1], "to one"));
        MUST(get(ends[0], "to zero"));
    }
    MUST(put(ends[0], "to one"));
    return put(ends[1], "to zero");
}

const struct unix_case queue_cases[] = {
    {"senders", senders},  {"buffers", buffers}, {"pieces", pieces}, {"itself", itself},
    {"chain", chain},      {"moved", moved},     {"times", times},   {"same-name", same_name},
    {"-closing", closing}, {"-shared", shared},  {NULL, NULL},
};
