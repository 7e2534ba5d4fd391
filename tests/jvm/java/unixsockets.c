// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of unixsockets.t: Unix sockets of every type, with what is queued in them.
// prepare() makes them; look() is called after each restore, and in a process that was left
// running. It checks each, uses it, leaves it as it was, and prints a line for each case:
// "NAME: ok" or what is wrong. UNIX_FOLDER is a folder for names,
// UNIX_UNIQUE the start of abstract ones; UNIX_PEERS one for those
// of other processes; UNIX_CASES: run only these cases.

#define _GNU_SOURCE
#include <jni.h>

#include "unixsockets.h"

// ---- pairs

// Bytes in both directions, and all of the socket's own flags.
static const char *stream(int first)
{
    static int ends[2];

    if (first) {
        MUST(pair(SOCK_STREAM, ends));
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        fcntl(ends[1], F_SETFD, 0);
        MUST(put(ends[0], "to one, "));
        MUST(put(ends[0], "more"));
        MUST(put(ends[1], "to zero"));
    }
    if (!(fcntl(ends[0], F_GETFL) & O_NONBLOCK) || (fcntl(ends[1], F_GETFL) & O_NONBLOCK))
        return FAIL("the non-blocking mode is not as it was");
    if (!fcntl(ends[0], F_GETFD) || fcntl(ends[1], F_GETFD))
        return FAIL("close-on-exec is not as it was");
    MUST(no_name(ends[0]));
    MUST(get(ends[1], "to one, more"));
    MUST(get(ends[0], "to zero"));
    MUST(get_error(ends[0], EAGAIN));
    MUST(put(ends[0], "to one, "));
    MUST(put(ends[0], "more"));
    return put(ends[1], "to zero");
}

static const char *messages_in(int type, int ends[2], int first)
{
    if (first)
        MUST(pair(type, ends));
    for (int round = !first; round >= 0; round--) {
        if (round) {
            MUST(get(ends[1], "first"));
            MUST(get(ends[1], ""));
            MUST(get(ends[1], "second"));
            MUST(get(ends[0], "third"));
            MUST(get_error(ends[1], EAGAIN));
            MUST(get_error(ends[0], EAGAIN));
        } else {
            MUST(put(ends[0], "first"));
            MUST(put(ends[0], ""));
            MUST(put(ends[0], "second"));
            MUST(put(ends[1], "third"));
        }
    }
    return NULL;
}

static const char *datagram(int first)
{
    static int ends[2];

    return messages_in(SOCK_DGRAM, ends, first);
}

static const char *seqpacket(int first)
{
    static int ends[2];

    return messages_in(SOCK_SEQPACKET, ends, first);
}

// More than a page, and a queue that is full.
static const char *full(int first)
{
    static int ends[2];
    static ssize_t size;
    static char bytes[5000], got[5000];
    ssize_t found = 0, part;

    if (first)
        MUST(pair(SOCK_STREAM, ends));
    for (int i = 0; i < (int)sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    while (!first && (part = recv(ends[1], got, sizeof got, MSG_DONTWAIT | MSG_WAITALL)) > 0) {
        if (memcmp(got, bytes, (size_t)part) != 0)
            return FAIL("wrong bytes after %zd", found);
        found += part;
    }
    if (!first && found != size)
        return FAIL("%zd bytes instead of %zd", found, size);
    for (size = 0; (part = send(ends[0], bytes, sizeof bytes, MSG_DONTWAIT)) > 0; size += part)
        if (part < (ssize_t)sizeof bytes) {
            size += part;
            break;
        }
    return NULL;
}

// A copy of an end is the same end.
static const char *copies(int first)
{
    static int ends[2], copy;

    if (first) {
        MUST(pair(SOCK_STREAM, ends));
        copy = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
        MUST(put(ends[0], "once"));
    }
    MUST(get(copy, "once"));
    MUST(get_error(ends[1], EAGAIN));
    fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) ^ O_NONBLOCK);
    if (fcntl(copy, F_GETFL) != fcntl(ends[1], F_GETFL))
        return FAIL("the copy is another open file");
    return put(ends[0], "once");
}

// One direction is shut down, with bytes that can still be read.
static const char *half(int first)
{
    static int ends[2], unread[2];

    if (first) {
        MUST(pair(SOCK_STREAM, ends));
        MUST(pair(SOCK_STREAM, unread));
        MUST(put(unread[0], "the last"));
        shutdown(ends[0], SHUT_WR);
        shutdown(unread[0], SHUT_WR);
    }
    MUST(put_error(ends[0], EPIPE));
    MUST(get_error(ends[1], 0));
    MUST(events(ends[1], POLLIN | POLLRDHUP));
    MUST(put(ends[1], "back"));
    MUST(get(ends[0], "back"));
    MUST(put_error(unread[0], EPIPE));
    if (first)
        return NULL;
    MUST(get(unread[1], "the last"));
    MUST(get_error(unread[1], 0));
    close(unread[0]);
    close(unread[1]);
    MUST(pair(SOCK_STREAM, unread));
    MUST(put(unread[0], "the last"));
    shutdown(unread[0], SHUT_WR);
    return NULL;
}

// Both are shut down, and the end that has not read yet still can.
static const char *shut(int first)
{
    static int ends[2];

    if (!first) {
        MUST(events(ends[1], POLLIN | POLLRDHUP | POLLHUP));
        MUST(get(ends[1], "unread"));
        MUST(get_error(ends[1], 0));
        MUST(put_error(ends[1], EPIPE));
        MUST(put_error(ends[0], EPIPE));
        close(ends[0]);
        close(ends[1]);
    }
    MUST(pair(SOCK_SEQPACKET, ends));
    MUST(put(ends[0], "unread"));
    shutdown(ends[0], SHUT_RDWR);
    return NULL;
}

// The other end is closed: what it has sent, then the end.
static const char *closed(int first)
{
    static int ends[2], packets[2], datagrams[2];

    if (!first) {
        MUST(events(ends[1], POLLIN | POLLRDHUP | POLLHUP));
        MUST(get(ends[1], "a will"));
        MUST(get_error(ends[1], 0));
        MUST(put_error(ends[1], EPIPE));
        MUST(get(packets[1], "one"));
        MUST(get(packets[1], "two"));
        MUST(get_error(packets[1], 0));
        MUST(get(datagrams[1], "one"));
        MUST(get(datagrams[1], "two"));
        MUST(get_error(datagrams[1], EAGAIN));
        MUST(put_error(datagrams[1], ECONNREFUSED));
        close(ends[1]);
        close(packets[1]);
        close(datagrams[1]);
    }
    MUST(pair(SOCK_STREAM, ends));
    MUST(pair(SOCK_SEQPACKET, packets));
    MUST(pair(SOCK_DGRAM, datagrams));
    MUST(put(ends[0], "a will"));
    MUST(put(packets[0], "one"));
    MUST(put(packets[0], "two"));
    MUST(put(datagrams[0], "one"));
    MUST(put(datagrams[0], "two"));
    close(ends[0]);
    close(packets[0]);
    close(datagrams[0]);
    return NULL;
}

// The other end was closed before it had read all: a reset, once.
static const char *reset(int first)
{
    static int ends[2], packets[2];

    if (!first) {
        MUST(events(ends[1], POLLIN | POLLRDHUP | POLLHUP | POLLERR));
        MUST(get(ends[1], "answer"));
        MUST(get_error(ends[1], ECONNRESET));
        MUST(get_error(ends[1], 0));
        MUST(get_error(packets[1], ECONNRESET));
        MUST(get_error(packets[1], 0));
        close(ends[1]);
        close(packets[1]);
    }
    MUST(pair(SOCK_STREAM, ends));
    MUST(put(ends[0], "answer"));
    MUST(put(ends[1], "question"));
    close(ends[0]);
    MUST(pair(SOCK_SEQPACKET, packets));
    MUST(put(packets[1], "question"));
    close(packets[0]);
    return NULL;
}

static const char *options(int first)
{
    static int ends[2], big[2];
    static int size;
    struct timeval limit = {.tv_sec = 7}, found;
    socklen_t length = sizeof found;
    int on = 1, at = 2, bytes = 70000;

    if (first) {
        MUST(pair(SOCK_STREAM, ends));
        MUST(pair(SOCK_DGRAM, big));
        setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(ends[1], SOL_SOCKET, SO_PEEK_OFF, &at, sizeof at);
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        size = option(ends[1], SO_SNDBUF);
        MUST(put(ends[0], "peeked"));
    }
    if (option(ends[0], SO_PASSCRED) != 1 || option(ends[1], SO_PASSCRED) != 0)
        return FAIL("SO_PASSCRED is not as it was");
    if (option(ends[1], SO_PEEK_OFF) != 2 || option(ends[0], SO_PEEK_OFF) != -1)
        return FAIL("SO_PEEK_OFF is not as it was: %d, %d", option(ends[1], SO_PEEK_OFF),
                    option(ends[0], SO_PEEK_OFF));
    if (option(ends[1], SO_SNDBUF) != size || option(ends[0], SO_SNDBUF) == size)
        return FAIL("SO_SNDBUF is not as it was");
    if (getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &found, &length) < 0 || found.tv_sec != 7)
        return FAIL("SO_RCVTIMEO is not as it was");
    setsockopt(ends[1], SOL_SOCKET, SO_PEEK_OFF, &(int){-1}, sizeof(int));
    MUST(get(ends[1], "peeked"));
    setsockopt(ends[1], SOL_SOCKET, SO_PEEK_OFF, &at, sizeof at);
    return put(ends[0], "peeked");
}

// New sockets, not connected.
static const char *fresh(int first)
{
    static int one[3];
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

    for (int i = 0; i < 3; i++) {
        if (first)
            one[i] = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (option(one[i], SO_TYPE) != types[i])
            return FAIL("its type is not as it was");
        MUST(put_error(one[i], ENOTCONN));
        if (!(fcntl(one[i], F_GETFL) & O_NONBLOCK))
            return FAIL("the non-blocking mode is not as it was");
    }
    return NULL;
}

// A selector finds the bytes that were queued.
static const char *watched(int first)
{
    static int ends[2], selector;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = 5};

    if (first) {
        MUST(pair(SOCK_STREAM, ends));
        selector = epoll_create1(EPOLL_CLOEXEC);
        epoll_ctl(selector, EPOLL_CTL_ADD, ends[1], &event);
        MUST(put(ends[0], "wake up"));
    }
    if (epoll_wait(selector, &event, 1, 0) != 1 || event.data.fd != 5)
        return FAIL("the selector does not find the bytes");
    MUST(get(ends[1], "wake up"));
    if (epoll_wait(selector, &event, 1, 0) != 0)
        return FAIL("the selector finds more than there is");
    return put(ends[0], "wake up");
}

// ---- the table

static const struct unix_case pair_cases[] = {
    {"stream", stream}, {"datagram", datagram}, {"seqpacket", seqpacket}, {"full", full},
    {"copies", copies}, {"half", half},         {"shut", shut},           {"closed", closed},
    {"reset", reset},   {"options", options},   {"fresh", fresh},         {"watched", watched},
    {NULL, NULL},
};

static int is_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = text; (at = strstr(at, word)); at += length)
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return 1;
    return 0;
}

static void run(const struct unix_case *cases, int first)
{
    const char *only = getenv("UNIX_CASES");

    for (; cases->name; cases++) {
        const char *failed;

        if (only ? !is_word(only, cases->name) : cases->name[0] == '-')
            continue;
        failed = cases->run(first);
        if (failed || !first)
            printf("%s: %s\n", cases->name, failed ? failed : "ok");
        fflush(stdout);
    }
}

static void run_all(int first)
{
    run(pair_cases, first);
    run(name_cases, first);
    run(queue_cases, first);
}

JNIEXPORT void JNICALL Java_Anonymous_prepare(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    run_all(1);
}

JNIEXPORT void JNICALL Java_Anonymous_look(JNIEnv *env, jclass class, jint generation)
{
    (void)env;
    (void)class;
    (void)generation;
    run_all(0);
}
