/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See sockets.h. A port is free if this process can bind a socket to it as criu does. The ends of a
 * connection are free if the kernel knows no socket that has them, not even one in TIME-WAIT.
 */
#include "engine/criu/drive/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/criu/command/hold_back.h"
#include "engine/criu/command/old_connection.h"
#include "engine/criu/command/tree.h"

#define ENDING_MS 75000 /* Linux keeps a connection in TIME-WAIT for 60 seconds */
#define PAUSE_MS 100
#define NAMESPACE_HINT "or restore in another network namespace"

/* ---- record ---- */

static int option(int socket, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(socket, level, name, &value, &size) < 0 ? 0 : value;
}

static json_t *address_of(const struct sockaddr_storage *end)
{
    const struct sockaddr_in6 *six = (const void *)end;
    const struct sockaddr_in *four = (const void *)end;
    bool is_six = end->ss_family == AF_INET6;
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(end->ss_family, is_six ? (const void *)&six->sin6_addr : &four->sin_addr, text,
              sizeof text);
    return json_pack("[si]", text, ntohs(is_six ? six->sin6_port : four->sin_port));
}

static bool has_port(const struct sockaddr_storage *end)
{
    return (end->ss_family == AF_INET || end->ss_family == AF_INET6) &&
           ((const struct sockaddr_in *)end)->sin_port; /* in IPv6, it is at the same place */
}

/* Bound in a way that a plain bind() here does not repeat: to a device, or a link's address. */
static bool is_special(int socket, const struct sockaddr_storage *own)
{
    const struct sockaddr_in6 *six = (const void *)own;
    char device[64];
    socklen_t size = sizeof device;

    return (getsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, device, &size) == 0 && size > 1) ||
           option(socket, SOL_IP, IP_FREEBIND) || option(socket, SOL_IP, IP_TRANSPARENT) ||
           (own->ss_family == AF_INET6 && six->sin6_scope_id);
}

static bool record_socket(int socket, bool tcp, void *context)
{
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t own_size = sizeof own, peer_size = sizeof peer;
    int protocol = option(socket, SOL_SOCKET, SO_PROTOCOL);
    struct tcp_info info = {0};
    socklen_t info_size = sizeof info;
    json_t *found;

    if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) ||
        getsockname(socket, (void *)&own, &own_size) < 0 || !has_port(&own) ||
        is_special(socket, &own))
        return false;
    found = json_pack("{ss so sb sb sb}", "protocol", tcp ? "tcp" : "udp", "address",
                      address_of(&own), "reuse_address", option(socket, SOL_SOCKET, SO_REUSEADDR),
                      "reuse_port", option(socket, SOL_SOCKET, SO_REUSEPORT), "only_six",
                      option(socket, SOL_IPV6, IPV6_V6ONLY));
    if (tcp && getsockopt(socket, SOL_TCP, TCP_INFO, &info, &info_size) == 0 &&
        info.tcpi_state != TCP_LISTEN && info.tcpi_state != TCP_CLOSE &&
        getpeername(socket, (void *)&peer, &peer_size) == 0)
        json_object_set_new(found, "peer", address_of(&peer));
    json_array_append_new(context, found);
    return false;
}

static bool record_process(pid_t pid, void *context)
{
    ckpt_criu_tree_any_socket(pid, record_socket, context);
    return false;
}

json_t *ckpt_criu_sockets_record(pid_t pid)
{
    struct stat own, theirs;
    char path[64];
    json_t *sockets;

    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    if (stat("/proc/self/ns/net", &own) < 0 || stat(path, &theirs) < 0 ||
        own.st_ino != theirs.st_ino)
        return json_null();
    sockets = json_array();
    if (sockets)
        ckpt_criu_tree_any(pid, record_process, sockets);
    return sockets;
}

/* ---- what was recorded ---- */

static int read_address(const json_t *address, struct sockaddr_storage *ret)
{
    const char *text = json_string_value(json_array_get(address, 0));
    in_port_t port = htons((uint16_t)json_integer_value(json_array_get(address, 1)));
    struct sockaddr_in6 *six = (void *)ret;
    struct sockaddr_in *four = (void *)ret;

    memset(ret, 0, sizeof *ret);
    if (text && inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = port;
        return 0;
    }
    if (!text || inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
        return -1;
    six->sin6_family = AF_INET6;
    six->sin6_port = port;
    return 0;
}

static int read_ends(const json_t *socket, struct ckpt_criu_ends *ret)
{
    struct sockaddr_storage ends[2];

    if (read_address(json_object_get(socket, "address"), &ends[0]) < 0 ||
        read_address(json_object_get(socket, "peer"), &ends[1]) < 0 ||
        ends[0].ss_family != ends[1].ss_family)
        return -1;
    ckpt_criu_ends_from(ends, ret);
    return 0;
}

/* The connections that the restore makes: with --tcp-established. Otherwise it closes them. */
static json_t *connections_of(const json_t *document)
{
    json_t *connections = json_array();
    const json_t *sockets = json_object_get(document, "sockets");
    json_t *socket;
    size_t index;

    json_array_foreach(sockets, index, socket)
    {
        if (json_is_true(json_object_get(document, "tcp_established")) &&
            json_object_get(socket, "peer"))
            json_array_append(connections, socket);
    }
    return connections;
}

static const char *address_text(const json_t *address, char text[64])
{
    const char *host = json_string_value(json_array_get(address, 0));
    bool mapped = host && strncmp(host, "::ffff:", 7) == 0 && strchr(host, '.');
    bool six = host && strchr(host, ':') && !mapped;

    snprintf(text, 64, "%s%.45s%s:%d", six ? "[" : "", host ? host + (mapped ? 7 : 0) : "",
             six ? "]" : "", (int)json_integer_value(json_array_get(address, 1)));
    return text;
}

/* ---- check ---- */

/* Bind a socket as criu does. 0, or the error. */
static int try_to_bind(const json_t *recorded, const struct sockaddr_storage *address)
{
    bool connected = json_object_get(recorded, "peer") != NULL;
    bool tcp = strcmp(json_string_value(json_object_get(recorded, "protocol")), "tcp") == 0;
    ckpt_auto_close int fd =
        socket(address->ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    int reuse_address = tcp || json_is_true(json_object_get(recorded, "reuse_address"));
    int reuse_port = json_is_true(json_object_get(recorded, "reuse_port"));
    int only_six = json_is_true(json_object_get(recorded, "only_six")), yes = 1;

    if (fd < 0)
        return 0; /* such as without IPv6: criu reports it */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse_address, sizeof reuse_address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse_port, sizeof reuse_port);
    if (address->ss_family == AF_INET6) {
        setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &only_six, sizeof only_six);
        if (!connected)
            setsockopt(fd, SOL_IP, IP_FREEBIND, &yes, sizeof yes);
    }
    return bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
}

static int check_bind(const json_t *socket, struct ckpt_error *error)
{
    bool connected = json_object_get(socket, "peer") != NULL;
    struct sockaddr_storage address;
    char text[64];
    int failed;

    if (read_address(json_object_get(socket, "address"), &address) < 0)
        return 0;
    /* criu can bind a connection to any port. */
    if (connected)
        ((struct sockaddr_in *)&address)->sin_port = 0; /* also of IPv6 */
    failed = try_to_bind(socket, &address);
    address_text(json_object_get(socket, "address"), text);
    if (failed == EADDRINUSE && !connected)
        return ckpt_error_set(error, 0,
                              "the JVM's port %s is in use; end the process that has it (see 'ss "
                              "-tulnp'), " NAMESPACE_HINT,
                              text);
    if (failed == EADDRNOTAVAIL)
        return ckpt_error_set(error, 0,
                              "this machine does not have the address of the JVM's %s %s; add it "
                              "to a network interface, " NAMESPACE_HINT,
                              connected ? "connection from" : "port", text);
    if (failed == EACCES && !connected)
        return ckpt_error_set(error, 0,
                              "the JVM's port %s is one below 1024; run as root, or with "
                              "CAP_NET_BIND_SERVICE",
                              text);
    return 0;
}

static int fail_old(const json_t *connection, enum ckpt_criu_old old, struct ckpt_error *error)
{
    char own[64], peer[64];

    address_text(json_object_get(connection, "address"), own);
    address_text(json_object_get(connection, "peer"), peer);
    return old == CKPT_CRIU_OLD_IN_USE
               ? ckpt_error_set(error, 0,
                                "the JVM's connection from %s to %s is there already, of another "
                                "process; end that one (see 'ss -tnp'), " NAMESPACE_HINT,
                                own, peer)
               : ckpt_error_set(error, 0,
                                "the kernel still keeps the connection from %s to %s of an earlier "
                                "restore; try again later (see 'ss -tan'), " NAMESPACE_HINT,
                                own, peer);
}

static int check_connections(const json_t *document, struct ckpt_error *error)
{
    json_t *connections = connections_of(document), *connection;
    struct ckpt_criu_ends ends;
    size_t index;
    int result = 0;

    json_array_foreach(connections, index, connection)
    {
        if (result == 0 && read_ends(connection, &ends) == 0 &&
            ckpt_criu_old_find(&ends) == CKPT_CRIU_OLD_IN_USE)
            result = fail_old(connection, CKPT_CRIU_OLD_IN_USE, error);
    }
    json_decref(connections);
    return result;
}

int ckpt_criu_sockets_check(const json_t *document, struct ckpt_error *error)
{
    bool established = json_is_true(json_object_get(document, "tcp_established"));
    const json_t *sockets = json_object_get(document, "sockets"), *socket;
    size_t index;

    json_array_foreach(sockets, index, socket)
    {
        if ((established || !json_object_get(socket, "peer")) && check_bind(socket, error) < 0)
            return -1;
    }
    return check_connections(document, error);
}

/* ---- restore ---- */

/* What a wait for the kernel needs. */
struct waiting {
    int64_t deadline;
    void (*warn)(const char *text); /* NULL: it was called */
};

static int wait_for(const json_t *connection, struct waiting *waiting, struct ckpt_error *error)
{
    struct pollfd never = {.fd = -1};
    struct ckpt_criu_ends ends;
    enum ckpt_criu_old old;

    if (read_ends(connection, &ends) < 0)
        return 0;
    while ((old = ckpt_criu_old_remove(&ends)) != CKPT_CRIU_OLD_NONE) {
        if (old == CKPT_CRIU_OLD_IN_USE || ckpt_clock_ms(CLOCK_MONOTONIC) > waiting->deadline)
            return fail_old(connection, old, error);
        if (waiting->warn)
            waiting->warn("the kernel still keeps connections of an earlier restore; wait up to a "
                          "minute");
        waiting->warn = NULL;
        poll(&never, 1, PAUSE_MS); /* the kernel reports no such end */
    }
    return 0;
}

int ckpt_criu_sockets_wait(const json_t *document, void (*warn)(const char *text),
                           struct ckpt_error *error)
{
    json_t *connections = connections_of(document), *connection;
    struct waiting waiting = {ckpt_clock_ms(CLOCK_MONOTONIC) + ENDING_MS, warn};
    size_t index;
    int result = 0;

    json_array_foreach(connections, index, connection)
    {
        if (result == 0)
            result = wait_for(connection, &waiting, error);
    }
    json_decref(connections);
    return result;
}

int ckpt_criu_sockets_hold_back(const json_t *document)
{
    json_t *connections = connections_of(document), *connection;
    ckpt_auto_free struct ckpt_criu_ends *ends =
        calloc(json_array_size(connections) + 1, sizeof *ends);
    size_t index, count = 0;
    int fd;

    json_array_foreach(connections, index, connection)
    {
        if (ends && read_ends(connection, &ends[count]) == 0)
            count++;
    }
    fd = ckpt_criu_hold_back(ends, count);
    json_decref(connections);
    return fd;
}
