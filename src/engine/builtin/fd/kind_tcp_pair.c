/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * TCP connections with both ends in the process: of a server that is its own client, or of a pipe
 * over the loopback interface.  Both ends are frozen together, so the connection continues, with
 * its addresses, and with what was sent and not read yet.
 *
 * The two ends have each other's address as their own, in one network namespace.  Each end's entry
 * has what that end has received; nothing is left in the sender's queue (tcp_queue.c).  An end that
 * has sent the end of its stream is in FIN_WAIT2, and the other one in CLOSE_WAIT.  When both have
 * done so, no connection is left, and each is an ended one (kind_tcp.c).
 *
 * A socket can also be connected to itself: then it is both ends.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>

#include "base/descriptors.h"
#include "base/poll.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/gather_steps.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/tcp_connect.h"
#include "engine/builtin/fd/tcp_options.h"
#include "engine/builtin/fd/tcp_queue.h"
#include "engine/builtin/fd/thaw_steps.h"
#include "engine/builtin/fd/walk.h"

enum { /* for ckpt_socket_shut() */
       SHUT_READING = SHUT_RD + 1,
       SHUT_WRITING = SHUT_WR + 1, /* this end has closed its side */
};

struct pair_data {
    uint32_t family, address_size;
    uint32_t send_buffer, receive_buffer; /**< 0: the kernel chooses the size */
    uint64_t peer; /**< inode of the other end; its own: it is connected to itself */
    uint32_t flags, option_count;
    struct ckpt_tcp_queue queue;
    uint8_t address[32], peer_address[32];
};
_Static_assert(sizeof(struct pair_data) == 112, "part of the image's format");

/* ---- finding the other end ---- */

struct end {
    int number;
    uint8_t here[32], there[32];
};

struct ckpt_tcp_ends {
    struct ckpt_array list;
};

static bool read_end(int fd, struct end *ret)
{
    socklen_t here = sizeof ret->here, there = sizeof ret->there;

    *ret = (struct end){.number = fd};
    return ckpt_syscall(SYS_getpeername, fd, ret->there, &there, 0, 0, 0) == 0 &&
           ckpt_syscall(SYS_getsockname, fd, ret->here, &here, 0, 0, 0) == 0 &&
           (ret->here[0] == AF_INET || ret->here[0] == AF_INET6) &&
           ckpt_socket_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;
}

/*
 * All connected sockets of the process except the agent's, which are in no image; listed once in a
 * walk. NULL: no room.
 */
static struct ckpt_tcp_ends *list_ends(const struct ckpt_gather *gather)
{
    struct ckpt_scratch *scratch = gather->tables.scratch;
    struct ckpt_descriptors *all;
    struct ckpt_tcp_ends *ends = gather->fd_walk->tcp_ends;
    struct ckpt_error error;
    struct end end, *added;

    if (ends)
        return ends;
    ends = ckpt_scratch_take(scratch, sizeof *ends, &error);
    all = ckpt_scratch_take(scratch, sizeof *all, &error);
    if (!ends || !all)
        return NULL;
    ckpt_array_init(&ends->list, sizeof(struct end));
    ckpt_descriptors_open_own(all);
    while (ckpt_descriptors_next(all))
        if (!ckpt_fd_is_agents(gather, all->number) && read_end(all->number, &end) &&
            (added = ckpt_array_add(&ends->list, scratch, 1, &error)))
            *added = end;
    ckpt_descriptors_close(all);
    gather->fd_walk->failed = all->failed;
    return gather->fd_walk->tcp_ends = ends;
}

/* Whether one end in @state can be restored with its other end. */
static bool is_open_state(unsigned state)
{
    return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
           state == TCP_CLOSE_WAIT;
}

/* A descriptor of the other end, which may be the same socket; -1: it is not in this process. */
static int find_peer_fd(const struct ckpt_gather *gather, const struct end *end)
{
    const struct ckpt_tcp_ends *ends = list_ends(gather);

    for (size_t i = 0; ends && i < ends->list.count; i++) {
        const struct end *other = ckpt_array_at(&ends->list, i);

        if (ckpt_socket_same_address(end->here, other->there) &&
            ckpt_socket_same_address(end->there, other->here) &&
            ckpt_socket_same_namespace(end->number, other->number) &&
            is_open_state(ckpt_socket_tcp_state(other->number)))
            return other->number;
    }
    return -1;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct end end;

    return S_ISSOCK(live->status.st_mode) && read_end(live->number, &end) &&
           is_open_state(ckpt_socket_tcp_state(live->number)) && find_peer_fd(gather, &end) >= 0;
}

/* ---- freezing ---- */

static void refuse(struct ckpt_gather *gather, int fd, const char *why)
{
    char text[192];

    ckpt_socket_tcp_text(fd, 0, text, sizeof text);
    ckpt_report_refuse(gather->report, "socket", "try again, or " CKPT_CLOSE_BY_NUMBER,
                       "descriptor %d is %s, with both ends in the JVM, %s", fd, text, why);
}

static uint32_t read_flags(int fd)
{
    unsigned state = ckpt_socket_tcp_state(fd);
    uint32_t flags = 0;

    if (state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2)
        flags |= SHUT_WRITING;
    /* In CLOSE_WAIT the other end has closed its side, which shows in the same way. */
    if (state != TCP_CLOSE_WAIT && (ckpt_sys_poll(fd, POLLRDHUP, 0) & POLLRDHUP))
        flags |= SHUT_READING;
    return flags;
}

static int read_data(const struct end *end, int peer, struct pair_data *data,
                     struct ckpt_error *error)
{
    struct stat status;
    long failed = ckpt_sys_fstat(peer, &status);

    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot examine descriptor %d", peer);
    if (ckpt_socket_buffers_read(end->number, &data->send_buffer, &data->receive_buffer, error) < 0)
        return -1;
    data->peer = status.st_ino;
    data->family = (uint32_t)ckpt_socket_option(end->number, SOL_SOCKET, SO_DOMAIN);
    data->address_size =
        data->family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    __builtin_memcpy(data->address, end->here, sizeof end->here);
    __builtin_memcpy(data->peer_address, end->there, sizeof end->there);
    data->queue.urgent = CKPT_TCP_NOT_URGENT;
    return 0;
}

/* Save the structure, the options, and what this end has received. */
static int save(struct ckpt_gather *gather, const struct end *end, int peer, struct pair_data *data,
                struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    size_t size = 0, head = sizeof *data + CKPT_TCP_OPTIONS_MAX * sizeof(struct ckpt_tcp_option);
    struct ckpt_tcp_option *options;
    char *bytes;
    int count;

    if (gather->parked && !ckpt_tcp_queue_drain(peer, end->number))
        refuse(gather, end->number, "and what was sent over it does not all arrive");
    if (gather->parked)
        size = ckpt_tcp_queue_size(end->number);
    if (gather->fd_walk->tcp_queued + size > CKPT_TCP_QUEUED_MAX) {
        refuse(gather, end->number, "and the JVM has more than 16 MiB of such data to read");
        size = 0;
    }
    gather->fd_walk->tcp_queued += size;
    bytes = ckpt_scratch_take(&gather->scratch, head + size, error);
    if (!bytes)
        return -1;
    options = (void *)(bytes + sizeof *data);
    count = ckpt_tcp_options_save(end->number, true, options, error);
    if (count < 0)
        return -1;
    data->option_count = (uint32_t)count;
    if (gather->parked &&
        ckpt_tcp_queue_peek(end->number, (char *)(options + count), size, &data->queue) < 0)
        refuse(gather, end->number, "and the kernel does not show all of its unread data");
    data->flags = read_flags(end->number);
    __builtin_memcpy(bytes, data, sizeof *data);
    return ckpt_tables_pool(&gather->tables, bytes,
                            sizeof *data + (size_t)count * sizeof *options + data->queue.size,
                            &entry->data, error);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    const char *obstacle = ckpt_tcp_options_obstacle(live->number);
    struct pair_data data = {.family = 0};
    struct end end;
    int peer = -1;

    if (read_end(live->number, &end))
        peer = find_peer_fd(gather, &end);
    if (peer < 0)
        return ckpt_error_set(error, EAGAIN, "descriptor %d has changed meanwhile; try again",
                              live->number);
    if (obstacle) {
        char text[64];

        ckpt_raw_format(text, sizeof text, "and has %s, which cannot be saved", obstacle);
        refuse(gather, live->number, text);
        return 0;
    }
    if (read_data(&end, peer, &data, error) < 0)
        return -1;
    return save(gather, &end, peer, &data, entry, error);
}

/* Without this one end would be in TIME_WAIT, in the way of a restore. */
static void ending(const struct ckpt_image_fd *entry)
{
    struct linger now = {.l_onoff = 1};

    ckpt_syscall(SYS_setsockopt, entry->number, SOL_SOCKET, SO_LINGER, &now, sizeof now, 0);
}

/* ---- in an image ---- */

static const struct pair_data *data_of(const struct ckpt_image_view *image,
                                       const struct ckpt_image_fd *entry)
{
    return (const void *)ckpt_view_text(image, entry->data);
}

static const struct ckpt_tcp_option *options_of(const struct pair_data *data)
{
    return (const void *)(data + 1);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct pair_data *data = data_of(image, entry);

    return entry->data.size >= sizeof *data && data->option_count <= CKPT_TCP_OPTIONS_MAX &&
           data->queue.size <= CKPT_TCP_QUEUED_MAX && data->flags <= SHUT_RDWR + 1 &&
           (data->queue.urgent == CKPT_TCP_NOT_URGENT || data->queue.urgent <= data->queue.size) &&
           entry->data.size == sizeof *data + data->option_count * sizeof(struct ckpt_tcp_option) +
                                   data->queue.size &&
           ckpt_tcp_options_valid(options_of(data), data->option_count) &&
           ((data->family == AF_INET && data->address_size == sizeof(struct sockaddr_in)) ||
            (data->family == AF_INET6 && data->address_size == sizeof(struct sockaddr_in6)));
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct pair_data *data = data_of(image, entry);
    char here[64], there[64];

    ckpt_socket_address_text(data->address, here, sizeof here);
    ckpt_socket_address_text(data->peer_address, there, sizeof there);
    ckpt_raw_format(text, size, "connected from %s to %s in the same process, %u bytes to read%s",
                    here, there, data->queue.size + (data->queue.urgent != CKPT_TCP_NOT_URGENT),
                    data->flags & SHUT_WRITING ? ", closed for writing" : "");
}

static void addresses(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses)
{
    const struct pair_data *data = data_of(image, entry);

    ret_addresses->family = (int)data->family;
    ret_addresses->protocol = IPPROTO_TCP;
    ret_addresses->local_size = ret_addresses->remote_size = data->address_size;
    __builtin_memcpy(ret_addresses->local, data->address, sizeof data->address);
    __builtin_memcpy(ret_addresses->remote, data->peer_address, sizeof data->peer_address);
}

/* ---- thawing ---- */

static struct ckpt_tcp_end end_of(const struct pair_data *data)
{
    struct ckpt_tcp_end end = {.family = (int)data->family,
                               .address_size = data->address_size,
                               .send_buffer = data->send_buffer,
                               .receive_buffer = data->receive_buffer,
                               .options = options_of(data),
                               .option_count = data->option_count};

    __builtin_memcpy(end.address, data->address, sizeof end.address);
    __builtin_memcpy(end.peer, data->peer_address, sizeof end.peer);
    return end;
}

/* The other end of one whose own descriptor a policy has closed: what its peer shows of it. */
static struct ckpt_tcp_end mirrored(const struct pair_data *data)
{
    struct ckpt_tcp_end end = {.family = (int)data->family, .address_size = data->address_size};

    __builtin_memcpy(end.address, data->peer_address, sizeof end.address);
    __builtin_memcpy(end.peer, data->address, sizeof end.peer);
    return end;
}

/*
 * The index of the other end, which is after this one, or CKPT_NONE if a policy has closed it. That
 * of a socket which is connected to itself is its own.
 */
static uint32_t find_peer(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    uint64_t inode = data_of(image, entry)->peer;
    size_t first = (size_t)(entry - image->fds) + (inode != entry->inode);

    for (size_t i = first; i < image->fd_count; i++)
        if (image->fds[i].kind == CKPT_FD_TCP_PAIR && image->fds[i].inode == inode &&
            image->fds[i].same_as == CKPT_NONE &&
            data_of(image, &image->fds[i])->peer == entry->inode)
            return (uint32_t)i;
    return CKPT_NONE;
}

/* Whether a socket of the image listens at the port of @data's own end. */
static bool is_server(const struct ckpt_image_view *image, const struct pair_data *data)
{
    const struct sockaddr_in *own = (const void *)data->address;

    for (size_t i = 0; i < image->fd_count; i++) {
        struct ckpt_fd_addresses listener = {.family = 0};
        const struct sockaddr_in *at = (const void *)listener.local;

        if (image->fds[i].kind != CKPT_FD_TCP)
            continue;
        ckpt_fd_row(CKPT_FD_TCP)->addresses(image, &image->fds[i], &listener);
        if (listener.listening && at->sin_port == own->sin_port)
            return true;
    }
    return false;
}

/* The state of an end, once both have received what they have to. */
static int shut(int fd, const struct pair_data *data, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    ckpt_socket_shut(fd, data->flags);
    if (ckpt_tcp_options_set(fd, options_of(data), data->option_count, CKPT_TCP_AFTER, error) < 0)
        return -1;
    ckpt_sys_fcntl(fd, F_SETFL, entry->open_flags & O_NONBLOCK);
    return 0;
}

/* Connect this end and the other one; *ret_other is -1 for a socket that is both. */
static int connect_ends(const struct ckpt_fd_thaw *thaw, const struct pair_data *data,
                        const struct pair_data *other, int *ret_other, struct ckpt_error *error)
{
    struct ckpt_tcp_end end = end_of(data), far = other ? end_of(other) : mirrored(data);
    int fds[2];

    *ret_other = -1;
    if (other == data)
        return ckpt_tcp_connect_self(&end, thaw->rehearsal, error);
    if (is_server(thaw->image, data)) {
        if (ckpt_tcp_connect(&far, &end, thaw->rehearsal, fds, error) < 0)
            return -1;
        *ret_other = fds[0];
        return fds[1];
    }
    if (ckpt_tcp_connect(&end, &far, thaw->rehearsal, fds, error) < 0)
        return -1;
    *ret_other = fds[1];
    return fds[0];
}

static const char *bytes_of(const struct pair_data *data)
{
    return (const char *)(options_of(data) + data->option_count);
}

/* Give both ends what they have not read, and then their states. */
static int set_up(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry, int fd,
                  const struct ckpt_image_fd *other_entry, int other, struct ckpt_error *error)
{
    const struct pair_data *data = data_of(thaw->image, entry), *far;

    if (ckpt_tcp_queue_fill(other < 0 ? fd : other, fd, &data->queue, bytes_of(data), error) < 0)
        return -1;
    if (other_entry && other >= 0) {
        far = data_of(thaw->image, other_entry);
        if (ckpt_tcp_queue_fill(fd, other, &far->queue, bytes_of(far), error) < 0 ||
            shut(other, far, other_entry, error) < 0)
            return -1;
    }
    return shut(fd, data, entry, error);
}

/* A rehearsal of which the original is gone also sees whether its addresses are free. */
static int test_addresses(const struct ckpt_fd_thaw *thaw, const struct pair_data *data,
                          struct ckpt_error *error)
{
    struct ckpt_tcp_end end = end_of(data);

    return thaw->rehearsal && !thaw->original_runs ? ckpt_tcp_connect_test(&end, error) : 0;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct pair_data *data = data_of(thaw->image, entry);
    uint32_t peer = find_peer(thaw->image, entry);
    const struct ckpt_image_fd *other_entry = peer == CKPT_NONE ? NULL : &thaw->image->fds[peer];
    int other, fd;

    if (test_addresses(thaw, data, error) < 0)
        return -1;
    fd = connect_ends(thaw, data, other_entry ? data_of(thaw->image, other_entry) : NULL, &other,
                      error);
    if (fd < 0)
        return -1;
    if (set_up(thaw, entry, fd, other_entry, other, error) < 0) {
        ckpt_sys_close(fd);
        if (other >= 0)
            ckpt_sys_close(other);
        return -1;
    }
    if (other >= 0 && !other_entry) {
        ckpt_sys_close(other);
    } else if (other >= 0 && ckpt_fd_keep_aside(thaw, peer, other, error) < 0) {
        ckpt_sys_close(fd);
        return -1;
    }
    return fd;
}

const struct ckpt_fd_kind_row ckpt_kind_tcp_pair = {
    .number = CKPT_FD_TCP_PAIR,
    .name = "TCP connection",
    .support =
        {
            .object = "[both ends](descriptors.md#tcp-connections-of-a-process-with-itself) are "
                      "in the JVM",
            .kept = "addresses, what was sent and not read yet, halves that are closed, "
                    "[options](descriptors.md#options-of-tcp-sockets)",
            .refused = "more than 16 MiB of unread data in all; MPTCP",
        },
    .policy = CKPT_POLICY_SOCKET,
    .is_end = true,
    .matches = matches,
    .freeze = freeze,
    .ending = ending,
    .valid = valid,
    .describe = describe,
    .addresses = addresses,
    .thaw = thaw,
};
