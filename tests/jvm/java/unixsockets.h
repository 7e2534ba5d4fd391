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

// ---- names

// "@name" is an abstract name, with the PID of the first process, others are files in the folder.
static inline socklen_t address_of(const char *name, struct sockaddr_un *address)
{
    size_t length;

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (name[0] == '@')
        length =
            (size_t)snprintf(address->sun_path + 1, 100, "%s-%s", getenv("UNIX_UNIQUE"), name + 1) +
            1;
    else if (strncmp(name, "./", 2) == 0)
        length = (size_t)snprintf(address->sun_path, 100, "%s", name);
    else
        length = (size_t)snprintf(address->sun_path, 100, "%s/%s", getenv("UNIX_FOLDER"), name);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static inline const char *file_of(const char *name)
{
    static struct sockaddr_un address;

    address_of(name, &address);
    return address.sun_path;
}

static inline const char *bound(int type, const char *name, int *ret_fd)
{
    struct sockaddr_un address;
    socklen_t size = address_of(name, &address);

    *ret_fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (bind(*ret_fd, (struct sockaddr *)&address, size) < 0)
        return FAIL("bind '%s': %m", name);
    return NULL;
}

static inline const char *listener(int type, const char *name, int *ret_fd)
{
    MUST(bound(type, name, ret_fd));
    return listen(*ret_fd, 3) == 0 ? NULL : FAIL("listen: %m");
}

static inline const char *connected(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = address_of(name, &address);

    return connect(fd, (struct sockaddr *)&address, size) == 0 ? NULL
                                                               : FAIL("connect '%s': %m", name);
}

// Whether getsockname() or getpeername() returns the name; NULL: none.
static inline const char *has_name(int fd, const char *name, int peer)
{
    struct sockaddr_un address, wanted;
    socklen_t size = sizeof address, wanted_size = sizeof(sa_family_t);

    memset(&wanted, 0, sizeof wanted);
    memset(&address, 0, sizeof address);
    if (name)
        wanted_size = address_of(name, &wanted);
    if ((peer ? getpeername(fd, (struct sockaddr *)&address, &size)
              : getsockname(fd, (struct sockaddr *)&address, &size)) < 0)
        return FAIL("%s: %m", peer ? "getpeername" : "getsockname");
    if (wanted.sun_path[0])
        wanted_size++; // the kernel counts the zero byte after a path
    return size == wanted_size && memcmp(address.sun_path, wanted.sun_path, size - 2) == 0
               ? NULL
               : FAIL("its %sname is '%.100s' (%u), not '%s'", peer ? "peer's " : "",
                      address.sun_path[0] || size == 2 ? address.sun_path : address.sun_path + 1,
                      size, name ? name : "");
}

static inline const char *put_to(int fd, const char *text, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = address_of(name, &address);

    return sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&address, size) ==
                   (ssize_t)strlen(text)
               ? NULL
               : FAIL("cannot send to '%s': %m", name);
}

// A datagram of this sender; NULL: without a name.
static inline const char *get_from(int fd, const char *text, const char *name)
{
    struct sockaddr_un address, wanted;
    socklen_t size = sizeof address, wanted_size = 0;
    char got[100] = "";

    memset(&address, 0, sizeof address);
    if (name)
        wanted_size = address_of(name, &wanted);
    if (recvfrom(fd, got, sizeof got - 1, MSG_DONTWAIT, (struct sockaddr *)&address, &size) < 0)
        return FAIL("wanted '%s' from '%s': %m", text, name ? name : "");
    if (strcmp(got, text) != 0)
        return FAIL("wanted '%s', got '%s'", text, got);
    return name ? (memcmp(&address, &wanted, wanted_size) == 0
                       ? NULL
                       : FAIL("'%s' is of another sender", text))
                : (size == 0 ? NULL : FAIL("'%s' has a sender", text));
}

struct unix_case {
    const char *name; // with "-": run only where it is asked for
    const char *(*run)(int first);
};

extern const struct unix_case name_cases[], queue_cases[];

#endif
