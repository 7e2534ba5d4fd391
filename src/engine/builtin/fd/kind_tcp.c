/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * TCP sockets that listen, were never connected, or are ended connections, over which neither side
 * can send any more (ended_connection.c).  A live connection is refused, with both addresses,
 * because its peer cannot be frozen with it; so are connections that wait to be accepted.
 *
 * A socket in the state CLOSE may be one that was never connected, or one whose connection has
 * ended; and the port that getsockname() returns may no longer be its own:
 *
 *   SYN_SENT, SYN_RECV, ESTABLISHED               refused: it has a peer, or may get one
 *   CLOSE_WAIT                                    refused, unless no process has the peer's end
 *                                                 (tcp_peer.c)
 *   FIN_WAIT1, FIN_WAIT2                          refused, unless reading is shut down too
 *   CLOSING, LAST_ACK                             ended: both sides are shut down
 *   CLOSE, and shut down for reading              ended; also after TIME_WAIT
 *   CLOSE, and not shut down for reading          bound if the kernel still has the port
 *   LISTEN                                        listens; after shutdown() it is bound, in CLOSE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/ended_connection.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/rehearsal.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/tcp_options.h"
#include "engine/builtin/fd/tcp_peer.h"
#include "engine/builtin/fd/tcp_queue.h"
#include "engine/builtin/fd/walk.h"

/* The options of version 0; each an int. */
static const struct {
    int level, name;
} options[] = {
    {SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_REUSEPORT}, {IPPROTO_IPV6, IPV6_V6ONLY},
    {SOL_SOCKET, SO_KEEPALIVE}, {IPPROTO_TCP, TCP_NODELAY}, {SOL_SOCKET, SO_OOBINLINE},
};
#define UNREAD_MAX_0 ((size_t)64 << 10) /* bytes that were not read, in version 0 */
#define OPTIONS (sizeof options / sizeof options[0])

struct tcp_data {
    uint32_t family, bound, listening, backlog;
    uint32_t send_buffer, receive_buffer; /**< 0: the kernel chooses the size */
    int32_t option[OPTIONS];
    uint32_t address_size;
    /**
     * enum ckpt_ended; then unread bytes follow the structure, and CKPT_ENDED_BY_PEER and more than
     * 64 KiB are of version 1. From that on options follow the structure of one that has not ended.
     */
    uint16_t ended;
    uint16_t protocol;
    uint8_t address[32];
};
_Static_assert(sizeof(struct tcp_data) == 88, "part of the image's format");

static long get(int fd, int level, int name, void *value, socklen_t size)
{
    return ckpt_syscall(SYS_getsockopt, fd, level, name, value, &size, 0);
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_socket_is_inet(live, IPPROTO_TCP) || ckpt_socket_is_inet(live, IPPROTO_MPTCP);
}

/* Refuse a socket that has a peer; true if it was refused. */
static bool refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                   const struct tcp_data *data, const struct tcp_info *info)
{
    char here[64], there[64], text[192];

    ckpt_socket_address_text(data->address, here, sizeof here);
    if (info->tcpi_state == TCP_LISTEN) {
        if (info->tcpi_unacked == 0 || live->drops_waiting)
            return false;
        ckpt_report_refuse(gather->report, "socket",
                           "use --connections=close, or try again when they are",
                           "descriptor %d listens at %s and %u connections wait to be accepted",
                           live->number, here, info->tcpi_unacked);
        return true;
    }
    if (data->ended || info->tcpi_state == TCP_CLOSE)
        return false;
    ckpt_socket_peer_text(live->number, there, sizeof there);
    ckpt_socket_tcp_text(live->number, info->tcpi_state, text, sizeof text);
    if (live->reopen)
        ckpt_report_refuse(gather->report, "socket", "close it by a policy (action close)",
                           "descriptor %d, connected from %s to %s, cannot be reopened by a "
                           "policy, because its peer could not continue the connection",
                           live->number, here, there);
    else
        ckpt_report_refuse(gather->report, "socket", CKPT_CLOSE_CONNECTION, "descriptor %d is %s",
                           live->number, text);
    if (!live->reopen)
        ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_CONNECTIONS);
    return true;
}

/* The state of an MPTCP socket is that of its first path; if it has none, it is inferred. */
static void get_info(const struct ckpt_live_fd *live, struct tcp_info *info)
{
    uint8_t peer[32];
    socklen_t size = sizeof peer;

    if (get(live->number, IPPROTO_TCP, TCP_INFO, info, sizeof *info) == 0 && info->tcpi_state)
        return;
    if (ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN)) {
        info->tcpi_state = TCP_LISTEN;
        info->tcpi_sacked = SOMAXCONN;
    } else {
        info->tcpi_state = ckpt_syscall(SYS_getpeername, live->number, peer, &size, 0, 0, 0) == 0
                               ? TCP_ESTABLISHED
                               : TCP_CLOSE;
    }
}

static void refuse_unread(struct ckpt_gather *gather, int fd, size_t size)
{
    ckpt_report_refuse(gather->report, "socket", CKPT_CLOSE_CONNECTION,
                       "descriptor %d is a TCP connection that has ended, and the JVM has not read "
                       "%lu bytes of it yet, which cannot be saved",
                       fd, (unsigned long)size);
}

/* Save the structure, followed by the unread bytes. */
static int save_with_unread(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                            const struct tcp_data *data, struct ckpt_image_fd *entry,
                            struct ckpt_error *error)
{
    /* While threads run, one of them may be reading, and must not find other options. */
    size_t size = gather->parked ? ckpt_tcp_queue_size(live->number) : 0;
    struct ckpt_tcp_queue queue = {.size = 0};
    char *bytes;

    if (gather->fd_walk->tcp_queued + size > CKPT_TCP_QUEUED_MAX) {
        refuse_unread(gather, live->number, size);
        return 0;
    }
    gather->fd_walk->tcp_queued += size;
    bytes = ckpt_scratch_take(&gather->scratch, sizeof *data + size, error);
    if (!bytes)
        return -1;
    if (gather->parked &&
        (ckpt_tcp_queue_peek(live->number, bytes + sizeof *data, size, &queue) < 0 ||
         queue.size != size)) {
        refuse_unread(gather, live->number, size);
        return 0;
    }
    entry->kind_version = data->ended == CKPT_ENDED_BY_PEER || size > UNREAD_MAX_0;
    __builtin_memcpy(bytes, data, sizeof *data);
    return ckpt_tables_pool(&gather->tables, bytes, sizeof *data + size, &entry->data, error);
}

/* Save the structure, followed by the options that version 0 does not have. */
static int save_with_options(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                             const struct tcp_data *data, struct ckpt_image_fd *entry,
                             struct ckpt_error *error)
{
    const char *obstacle = ckpt_tcp_options_obstacle(live->number);
    struct ckpt_tcp_option *more;
    char *bytes = ckpt_scratch_take(&gather->scratch,
                                    sizeof *data + CKPT_TCP_OPTIONS_MAX * sizeof *more, error);
    int count;

    if (!bytes)
        return -1;
    if (obstacle) {
        ckpt_report_refuse(gather->report, "socket", CKPT_CLOSE_IT,
                           "descriptor %d is a TCP socket with %s, which cannot be saved",
                           live->number, obstacle);
        return 0;
    }
    more = (void *)(bytes + sizeof *data);
    count = ckpt_tcp_options_save(live->number, false, more, error);
    if (count < 0)
        return -1;
    entry->kind_version = count > 0;
    __builtin_memcpy(bytes, data, sizeof *data);
    return ckpt_tables_pool(&gather->tables, bytes, sizeof *data + (size_t)count * sizeof *more,
                            &entry->data, error);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct tcp_data data = {.family =
                                (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN)};
    struct tcp_info info = {0};
    socklen_t size = sizeof data.address;
    const struct sockaddr_in *address = (const void *)data.address;

    if (ckpt_socket_address(live->number, data.address, &size, error) < 0 ||
        ckpt_socket_buffers_read(live->number, &data.send_buffer, &data.receive_buffer, error) < 0)
        return -1;
    get_info(live, &info);
    data.protocol = (uint16_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_PROTOCOL);
    data.ended = (uint16_t)ckpt_ended_connection_state(live->number, data.protocol, &info);
    if (!data.ended && info.tcpi_state == TCP_CLOSE_WAIT && data.protocol == IPPROTO_TCP &&
        ckpt_tcp_peer_is_gone(gather, live->number))
        data.ended = CKPT_ENDED_BY_PEER;
    if (refuse(gather, live, &data, &info))
        return 0;
    data.address_size = size;
    data.bound = !data.ended && address->sin_port != 0 && /* same offset in both families */
                 (info.tcpi_state != TCP_CLOSE || ckpt_ended_connection_has_port(live->number));
    data.listening = info.tcpi_state == TCP_LISTEN;
    data.backlog = info.tcpi_sacked; /* this field has the backlog of a listening socket */
    for (size_t i = 0; i < OPTIONS; i++)
        if (ckpt_socket_option_required(live->number, options[i].level, options[i].name,
                                        &data.option[i], error) < 0)
            return -1;
    return data.ended ? save_with_unread(gather, live, &data, entry, error)
                      : save_with_options(gather, live, &data, entry, error);
}

/* The options, of which there are none in version 0. */
static const struct ckpt_tcp_option *options_of(const struct ckpt_image_view *image,
                                                const struct ckpt_image_fd *entry,
                                                size_t *ret_count)
{
    const struct tcp_data *data = (const void *)ckpt_view_text(image, entry->data);

    *ret_count =
        data->ended ? 0 : (entry->data.size - sizeof *data) / sizeof(struct ckpt_tcp_option);
    return (const void *)(data + 1);
}

static bool are_options_valid(const struct ckpt_image_view *image,
                              const struct ckpt_image_fd *entry)
{
    size_t count;
    const struct ckpt_tcp_option *more = options_of(image, entry, &count);

    return entry->data.size == sizeof(struct tcp_data) + count * sizeof *more &&
           count <= (entry->kind_version ? CKPT_TCP_OPTIONS_MAX : 0) &&
           ckpt_tcp_options_valid(more, count);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct tcp_data *data = (const void *)ckpt_view_text(image, entry->data);
    uint32_t version = entry->kind_version;

    return entry->data.size >= sizeof *data && data->address_size <= sizeof data->address &&
           (data->ended ? data->ended <= (version ? CKPT_ENDED_BY_PEER : CKPT_ENDED_REFUSED) &&
                              entry->data.size - sizeof *data <=
                                  (version ? CKPT_TCP_QUEUED_MAX : UNREAD_MAX_0)
                        : are_options_valid(image, entry)) &&
           (data->protocol == IPPROTO_TCP || data->protocol == IPPROTO_MPTCP) &&
           (data->family == AF_INET || data->family == AF_INET6);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct tcp_data *data = (const void *)ckpt_view_text(image, entry->data);
    static const char *const end[] = {"", "has ended", "was reset", "was refused",
                                      "its peer has closed"};
    char address[64];

    ckpt_socket_address_text(data->address, address, sizeof address);
    if (data->ended)
        ckpt_raw_format(text, size, "a connection from %s that %s, %lu bytes of it not read yet",
                        address, end[data->ended],
                        (unsigned long)(entry->data.size - sizeof *data));
    else if (data->listening)
        ckpt_raw_format(text, size, "listens at %s, backlog %u", address, data->backlog);
    else if (data->bound)
        ckpt_raw_format(text, size, "bound to %s", address);
    else
        ckpt_raw_format(text, size, "not connected");
}

static void addresses(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses)
{
    const struct tcp_data *data = (const void *)ckpt_view_text(image, entry->data);

    ret_addresses->family = (int)data->family;
    ret_addresses->protocol = IPPROTO_TCP;
    ret_addresses->listening = data->listening;
    ret_addresses->local_size = data->bound ? data->address_size : 0;
    __builtin_memcpy(ret_addresses->local, data->address, sizeof data->address);
}

/*
 * Set the options before the socket is bound, with SO_REUSEADDR in any case: connections of the
 * process to itself have the port before their listening socket listens. settle() sets it as it
 * was. Returns the first failure, except of options that
 * this kind of socket does not have.
 */
static long set_options(int fd, const struct tcp_data *data)
{
    long first = 0;
    int reuse = 1;

    for (size_t i = 0; i < OPTIONS; i++) {
        long failed = 0;

        if (options[i].name == SO_REUSEADDR && options[i].level == SOL_SOCKET)
            failed =
                ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse, 0);
        else if (options[i].level != IPPROTO_IPV6 || data->family == AF_INET6)
            failed = ckpt_syscall(SYS_setsockopt, fd, options[i].level, options[i].name,
                                  &data->option[i], sizeof data->option[i], 0);
        if (failed < 0 && failed != -ENOPROTOOPT && failed != -EOPNOTSUPP && first == 0)
            first = failed;
    }
    ckpt_socket_buffers_set(fd, data->send_buffer, data->receive_buffer);
    return first;
}

/* Make an ended connection; see ended_connection.c. */
static int thaw_ended(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                      const struct tcp_data *data, struct ckpt_error *error)
{
    const struct ckpt_ended_end end = {.how = data->ended,
                                       .receive_buffer = data->receive_buffer,
                                       .unread = data + 1,
                                       .size = entry->data.size - sizeof *data};
    int opened = ckpt_ended_connection_make(thaw->first_own_fd, (int)data->family, &end, error);

    if (opened < 0)
        return -1;
    set_options(opened, data); /* options that fail have no effect on an ended connection */
    ckpt_sys_fcntl(opened, F_SETFL, entry->open_flags & O_NONBLOCK);
    return opened;
}

static int cannot_listen(const struct tcp_data *data, long failed, struct ckpt_error *error)
{
    char text[64];

    ckpt_socket_address_text(data->address, text, sizeof text);
    return ckpt_error_set(error, (int)-failed, "cannot listen at %s again%s", text,
                          ckpt_socket_bind_hint(failed, "; stop the process that listens there"));
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct tcp_data *data = (const void *)ckpt_view_text(thaw->image, entry->data);
    const struct ckpt_tcp_option *more;
    long failed = 0, opened;
    size_t count;

    more = options_of(thaw->image, entry, &count);
    if (data->ended)
        return thaw_ended(thaw, entry, data, error);
    opened = ckpt_syscall(SYS_socket, data->family,
                          SOCK_STREAM | SOCK_CLOEXEC | (entry->open_flags & O_NONBLOCK),
                          data->protocol, 0, 0, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a socket");
    failed = set_options((int)opened, data);
    if (failed < 0) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, (int)-failed, "cannot set a socket's option");
    }
    if (ckpt_tcp_options_set((int)opened, more, count, CKPT_TCP_BEFORE, error) < 0 ||
        ckpt_tcp_options_set((int)opened, more, count, CKPT_TCP_AFTER, error) < 0) {
        ckpt_sys_close((int)opened);
        return -1;
    }
    if (data->bound && thaw->rehearsal)
        failed = ckpt_fd_rehearse_bind(thaw, (int)opened, data->address, data->address_size);
    else if (data->bound)
        failed = ckpt_syscall(SYS_bind, opened, data->address, data->address_size, 0, 0, 0);
    if (failed < 0) {
        ckpt_sys_close((int)opened);
        return cannot_listen(data, failed, error);
    }
    return (int)opened;
}

/*
 * When all sockets are bound, and the connections of the process to itself are made: listen.  In a
 * rehearsal, test whether those that listen can do so together.
 */
static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct tcp_data *data = (const void *)ckpt_view_text(thaw->image, entry->data);
    long failed;

    if (!data->listening || data->ended)
        return 0;
    failed = thaw->rehearsal ? ckpt_fd_rehearse_bind_together(thaw, entry->number, data->address,
                                                              data->address_size, true)
                             : ckpt_syscall(SYS_listen, entry->number, data->backlog, 0, 0, 0, 0);
    return failed < 0 ? cannot_listen(data, failed, error) : 0;
}

static int settle(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct tcp_data *data = (const void *)ckpt_view_text(thaw->image, entry->data);

    (void)error;
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].name == SO_REUSEADDR && options[i].level == SOL_SOCKET)
            ckpt_syscall(SYS_setsockopt, entry->number, SOL_SOCKET, SO_REUSEADDR, &data->option[i],
                         sizeof data->option[i], 0);
    return 0;
}

static bool is_connection(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_fd_is_connection(live);
}

const struct ckpt_fd_kind_row ckpt_kind_tcp = {
    .number = CKPT_FD_TCP,
    .version = 1, /* 1: more options */
    .name = "TCP socket",
    .support =
        {
            .object = "IPv4, IPv6 and MPTCP sockets that listen, are bound or new, or whose "
                      "connection [has ended](descriptors.md#tcp-connections-that-have-ended)",
            .kept = "address, backlog, [options](descriptors.md#options-of-tcp-sockets); of an "
                    "ended connection how it ended, and its unread data",
            .option = "[connections to other processes](descriptors.md#connections-to-other-"
                      "processes): `--connections=close`, a policy that closes them, or the "
                      "engine criu with `--tcp-established`; connections that wait to be "
                      "accepted: `--connections=close`, or a policy that reopens the listener; "
                      "connections of [JMX clients](descriptors.md#jmx-clients) are no obstacle",
            .refused = "otherwise",
        },
    .policy = CKPT_POLICY_SOCKET,
    .is_connection = is_connection,
    .may_be_bound = true,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .addresses = addresses,
    .thaw = thaw,
    .finish = finish,
    .settle = settle,
};
