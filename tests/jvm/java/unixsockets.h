// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What both parts of unixsockets.t's library share: a case returns NULL or what is wrong, and short
// functions for sending and receiving do, too.

#ifndef UNIXSOCKETS_H
#define UNIXSOCKETS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FAIL(...) (snprintf(wrong, sizeof wrong, __VA_ARGS__), wrong)
#define MUST(...)                                                                                  \
    do {                                                                                           \
        const char *failed = (__VA_ARGS__);                                                        \
        if (failed)                                                                                \
            return failed;                                                                         \
    } while (0)

__attribute__((unused)) static char wrong[400];

static inline const char *pair(int type, int ends[2])
{
    return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0 ? NULL : FAIL("socketpair: %m");
}

static inline const char *put(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)strlen(text)
               ? NULL
               : FAIL("cannot send '%s': %m", text);
}

// The next message, or all bytes of a stream, are @text.
static inline const char *get(int fd, const char *text)
{
    char got[256] = "";
    ssize_t size = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);

    if (size < 0)
        return FAIL("wanted '%s', got: %m", text);
    got[size] = '\0';
    return strcmp(got, text) == 0 ? NULL : FAIL("wanted '%s', got '%s'", text, got);
}

// Reading fails with this error; 0: it finds the end.
static inline const char *get_error(int fd, int error)
{
    char byte;
    ssize_t size = recv(fd, &byte, 1, MSG_DONTWAIT);
    int found = size < 0 ? errno : 0;

    return size > 0         ? FAIL("wanted %s, got a byte", error ? strerror(error) : "the end")
           : found != error ? FAIL("wanted %s, got %s", strerror(error), strerror(found))
                            : NULL;
}

static inline const char *put_error(int fd, int error)
{
    int found = send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;

    return found == error ? NULL
                          : FAIL("sending: wanted %s, got %s", strerror(error), strerror(found));
}

static inline const char *events(int fd, short wanted)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLRDHUP};

    poll(&poll_fd, 1, 0);
    return poll_fd.revents == wanted
               ? NULL
               : FAIL("poll: wanted %x, got %x", (unsigned)wanted, poll_fd.revents);
}

static inline int option(int fd, int name)
{
    int value = -99;
    socklen_t size = sizeof value;

    getsockopt(fd, SOL_SOCKET, name, &value, &size);
    return value;
}

static inline const char *no_name(int fd)
{
    struct sockaddr_un name;
    socklen_t size = sizeof name;

    if (getsockname(fd, (struct sockaddr *)&name, &size) < 0 || size != sizeof(sa_family_t))
        return FAIL("it has a name");
    size = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &size) < 0)
        return FAIL("getpeername: %m");
    return size == sizeof(sa_family_t) ? NULL : FAIL("its peer has a name");
}

struct unix_case {
    const char *name; // with "-": run only where it is asked for
    const char *(*run)(int first);
};

extern const struct unix_case name_cases[];

#endif
