/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See listen.h. `localhost` is both loopback addresses, whatever a resolver returns. Of these, and
 * of the addresses of another name, those that this machine does not have are skipped; at least one
 * must remain.
 */
#include "agent/requests/http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/requests/http/endpoint_fds.h"
#include "base/cleanup.h"

#define BACKLOG 16
#define NO_SUCH_NAME (-1) /* in place of an errno */
#define HINT "choose another address with the agent option addr=HOST:PORT, or none with addr=none"

static const char *reason_of(int failed)
{
    return failed == EADDRINUSE     ? "the port is busy"
           : failed == NO_SUCH_NAME ? "the name has no address"
                                    : strerror(failed);
}

static int cannot_listen(const struct ckpt_endpoint_address *addr, int failed,
                         struct ckpt_error *error)
{
    bool brackets = strchr(addr->host, ':') != NULL;

    return ckpt_error_set(error, 0, "cannot listen at '%s%s%s:%u' for HTTP: %s; " HINT,
                          brackets ? "[" : "", addr->host, brackets ? "]" : "", addr->port,
                          reason_of(failed));
}

/* The socket, or a negative errno. */
static int listen_at(const struct sockaddr *address, socklen_t size)
{
    static const int on = 1;
    ckpt_auto_close int fd =
        socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address, size) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return CKPT_STEAL_FD(fd);
}

static struct addrinfo *look_up(const char *host, uint16_t port, int *ret_failed)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    struct in6_addr literal;
    char service[8];

    if (ckpt_endpoint_address_literal(host, &literal))
        hints.ai_flags |= AI_NUMERICHOST;
    snprintf(service, sizeof service, "%u", port);
    *ret_failed = getaddrinfo(host, service, &hints, &found);
    return *ret_failed ? NULL : found;
}

/*
 * Listen at all addresses of @host, and add the sockets to @ret. Returns 0, or the errno of a fatal
 * error. If an address or the name does not exist, that errno is in @ret_missing.
 */
static int add_name(const char *host, uint16_t port, int *ret, size_t *count, int *ret_missing)
{
    int failed = 0;
    struct addrinfo *found = look_up(host, port, &failed);

    if (failed)
        *ret_missing = failed == EAI_SYSTEM ? errno : NO_SUCH_NAME;
    failed = 0;
    for (struct addrinfo *at = found; at && *count < CKPT_LISTEN_MAX && !failed; at = at->ai_next) {
        int fd = listen_at(at->ai_addr, at->ai_addrlen);

        if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT || fd == -EPROTONOSUPPORT)
            *ret_missing = -fd;
        else if (fd < 0)
            failed = -fd;
        else if (ckpt_endpoint_fds_add(fd) < 0)
            failed = EMFILE;
        else
            ret[(*count)++] = fd;
    }
    if (found)
        freeaddrinfo(found);
    return failed;
}

static int listen_tcp(const struct ckpt_endpoint_address *addr, int *ret, struct ckpt_error *error)
{
    size_t count = 0;
    int failed, missing = EADDRNOTAVAIL;

    if (ckpt_endpoint_address_is_localhost(addr->host)) {
        failed = add_name("127.0.0.1", addr->port, ret, &count, &missing);
        if (!failed)
            failed = add_name("::1", addr->port, ret, &count, &missing);
    } else {
        failed = add_name(addr->host, addr->port, ret, &count, &missing);
    }
    if (!failed && count)
        return (int)count;
    while (count)
        ckpt_endpoint_fds_close(ret[--count]);
    return cannot_listen(addr, failed ? failed : missing, error);
}

/* Check that the path is free, or a socket on which no process listens any more. */
static int check_name(const struct sockaddr_un *name, struct ckpt_error *error)
{
    ckpt_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat status;

    if (lstat(name->sun_path, &status) < 0)
        return 0; /* bind() reports other errors */
    if (!S_ISSOCK(status.st_mode))
        return ckpt_error_set(
            error, 0, "cannot listen at 'unix:%s' for HTTP: the file is not a socket; " HINT,
            name->sun_path);
    if (connect(fd, (const struct sockaddr *)name, sizeof *name) < 0 && errno == ECONNREFUSED)
        return 0;
    return ckpt_error_set(
        error, 0, "cannot listen at 'unix:%s' for HTTP: another process listens there; " HINT,
        name->sun_path);
}

/*
 * The mode is set before the socket has a name, so other users can never connect. It is bound to
 * its final name and not renamed, because CRIU binds a socket again at the name by which the kernel
 * knows it.
 */
static int listen_unix(const struct ckpt_endpoint_address *addr, int *ret, struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    ckpt_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool bound = false;

    snprintf(name.sun_path, sizeof name.sun_path, "%s", addr->path);
    if (check_name(&name, error) < 0)
        return -1;
    unlink(name.sun_path); /* on which no process listens */
    if (fd >= 0 && fchmod(fd, 0600) == 0)
        bound = bind(fd, (struct sockaddr *)&name, sizeof name) == 0;
    if (!bound || chmod(name.sun_path, 0600) < 0 || listen(fd, BACKLOG) < 0) {
        int failed = errno;

        if (bound)
            unlink(name.sun_path);
        return ckpt_error_set(error, 0, "cannot listen at 'unix:%s' for HTTP: %s; " HINT,
                              addr->path, strerror(failed));
    }
    ret[0] = CKPT_STEAL_FD(fd);
    return ckpt_endpoint_fds_add(ret[0]) < 0 ? -1 : 1;
}

int ckpt_listen_open(const struct ckpt_endpoint_address *addr, int ret[CKPT_LISTEN_MAX],
                     struct ckpt_error *error)
{
    if (addr->kind == CKPT_ENDPOINT_NONE)
        return 0;
    return addr->kind == CKPT_ENDPOINT_UNIX ? listen_unix(addr, ret, error)
                                            : listen_tcp(addr, ret, error);
}
