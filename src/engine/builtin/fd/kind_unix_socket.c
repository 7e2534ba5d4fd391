/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix sockets that do not listen and do not depend on another process: new ones, those whose other
 * end is in this process too, and those whose other end is closed.  Both ends are kept with what is
 * queued in them; a closed end stays closed, and the open one finds what it would have found.  All
 * others are connected to other processes: kind_unix_connection.c.
 *
 * Only the kernel's socket diagnosis shows which socket is the other end.  A copy of an end that
 * another process has inherited cannot be seen.  It keeps the old socket, of which the other end
 * closes with this JVM.  What the JVM itself has inherited belongs to the process that made it.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/default_close.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/thaw_steps.h"
#include "engine/builtin/fd/unix_diag.h"
#include "engine/builtin/fd/unix_queue.h"

#define NO_OPTION INT32_MIN /* the kernel does not have it */

/* Each an int; set if they differ from those of a new socket. */
static const int options[] = {
    SO_PASSCRED,  SO_PASSSEC,   76 /* SO_PASSPIDFD */, 83 /* SO_PASSRIGHTS */,
    SO_PEEK_OFF,  SO_RCVLOWAT,  SO_TIMESTAMP,          SO_TIMESTAMPNS,
    SO_OOBINLINE, SO_KEEPALIVE, SO_REUSEADDR,
};
#define OPTIONS (sizeof options / sizeof options[0])

enum { OTHER_END = 1, OTHER_END_CLOSED = 2, RESET = 4, ALL_FLAGS = 7 };

struct unix_data {
    uint16_t type;
    uint16_t flags;
    uint16_t shutdown; /**< 1: for reading, 2: for writing */
    uint16_t reserved;
    uint64_t peer;                        /**< inode of the other end */
    uint32_t send_buffer, receive_buffer; /**< 0: the kernel's default */
    int64_t receive_timeout[2], send_timeout[2];
    int32_t option[OPTIONS];
    uint32_t padding;
};
_Static_assert(sizeof(struct unix_data) == 104, "part of the image's format");

/* ---- in the JVM ---- */

static bool is_named(int call, int fd, bool *ret_named)
{
    struct sockaddr_un name;
    socklen_t size = sizeof name;
    long failed = ckpt_syscall(call, fd, &name, &size, 0, 0, 0);

    *ret_named = failed == 0 && size > sizeof(sa_family_t);
    return failed == 0;
}

static short poll_now(int fd)
{
    struct pollfd poll = {.fd = fd, .events = POLLIN | POLLRDHUP};
    struct timespec now = {0};

    ckpt_syscall(SYS_ppoll, &poll, 1, &now, NULL, 8, 0);
    return poll.revents;
}

/* Whether the socket at the other end of a datagram socket has this one as its other end, too. */
static bool is_mutual(int type, uint64_t inode, uint64_t peer)
{
    struct ckpt_unix_diag diag;

    return type != SOCK_DGRAM || (ckpt_unix_diag(peer, &diag) && diag.peer == inode);
}

/* Fill in type, flags, peer and shutdown; false: it depends on another process. */
static bool classify(const struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                     struct unix_data *data)
{
    struct ckpt_unix_diag diag = {.peer = 0};
    bool known = ckpt_unix_diag(live->status.st_ino, &diag), named, peer_named;
    bool connected = is_named(SYS_getpeername, live->number, &peer_named);
    short events = poll_now(live->number);

    *data =
        (struct unix_data){.type = (uint16_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE),
                           .shutdown = (uint16_t)diag.shutdown};
    is_named(SYS_getsockname, live->number, &named);
    if (named || peer_named)
        return false;
    if (!connected)
        return true;
    if (known && diag.peer) {
        data->flags = OTHER_END;
        data->peer = diag.peer;
        return ckpt_unix_find((struct ckpt_gather *)gather, diag.peer) >= 0 &&
               !ckpt_fd_is_inherited(live) && is_mutual(data->type, live->status.st_ino, diag.peer);
    }
    data->flags = OTHER_END_CLOSED | (events & POLLERR ? RESET : 0);
    return data->type == SOCK_DGRAM ? known : (events & POLLHUP) != 0;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct unix_data data;

    return ckpt_socket_is_unix(live) && classify(gather, live, &data);
}

static void get_options(const struct ckpt_live_fd *live, struct unix_data *data)
{
    int locked = ckpt_socket_option(live->number, SOL_SOCKET, 72 /* SO_BUF_LOCK */);
    socklen_t size = sizeof data->receive_timeout;

    for (size_t i = 0; i < OPTIONS; i++) {
        socklen_t length = sizeof data->option[i];

        if (ckpt_syscall(SYS_getsockopt, live->number, SOL_SOCKET, options[i], &data->option[i],
                         &length, 0) < 0)
            data->option[i] = NO_OPTION;
    }
    if (locked & 1)
        data->send_buffer = (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_SNDBUF) / 2;
    if (locked & 2)
        data->receive_buffer =
            (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_RCVBUF) / 2;
    ckpt_syscall(SYS_getsockopt, live->number, SOL_SOCKET, SO_RCVTIMEO, data->receive_timeout,
                 &size, 0);
    size = sizeof data->send_timeout;
    ckpt_syscall(SYS_getsockopt, live->number, SOL_SOCKET, SO_SNDTIMEO, data->send_timeout, &size,
                 0);
}

static void refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live, const char *reason)
{
    ckpt_report_add(
        gather->report, "socket",
        "descriptor %d, a Unix socket, %s; close it in a beforeCheckpoint hook, or by a "
        "policy file, or try again when they are read",
        live->number, reason);
    ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_UNIX);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    const char *refused = NULL;
    struct unix_data data;
    size_t size = 0;
    char *bytes;

    classify(gather, live, &data);
    get_options(live, &data);
    if (ckpt_unix_queue_has_descriptors(live)) {
        refuse(gather, live, "has descriptors queued that were passed to it");
        return 0;
    }
    if (!gather->parked)
        return 0;
    bytes = ckpt_unix_queue_read(gather, live, data.type, sizeof data, &size, &refused, error);
    if (refused)
        refuse(gather, live, refused);
    if (!bytes)
        return refused ? 0 : -1;
    __builtin_memcpy(bytes, &data, sizeof data);
    return ckpt_tables_pool(&gather->tables, bytes, sizeof data + size, &entry->data, error);
}

/* ---- in an image ---- */

static const struct unix_data *data_of(const struct ckpt_image_view *image,
                                       const struct ckpt_image_fd *entry)
{
    return (const void *)ckpt_view_text(image, entry->data);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct unix_data *data = data_of(image, entry);
    uint32_t count;

    return entry->data.size >= sizeof *data && !(data->flags & ~ALL_FLAGS) && data->shutdown <= 3 &&
           (data->type == SOCK_STREAM || data->type == SOCK_DGRAM ||
            data->type == SOCK_SEQPACKET) &&
           ckpt_unix_queue_is_valid(data + 1, entry->data.size - sizeof *data, &count);
}

/* The index of the other end, or CKPT_NONE if it is not in the image, or is closed by a policy. */
static uint32_t find_other_end(const struct ckpt_image_view *image,
                               const struct ckpt_image_fd *entry)
{
    const struct unix_data *data = data_of(image, entry);

    for (size_t i = 0; i < image->fd_count && (data->flags & OTHER_END); i++) {
        const struct ckpt_image_fd *other = &image->fds[i];

        if (other->kind == CKPT_FD_UNIX_SOCKET && other->inode == data->peer && other != entry &&
            other->same_as == CKPT_NONE && data_of(image, other)->peer == entry->inode &&
            data_of(image, other)->type == data->type)
            return (uint32_t)i;
    }
    return CKPT_NONE;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct unix_data *data = data_of(image, entry);
    uint32_t count = 0, other = find_other_end(image, entry);
    size_t length = ckpt_raw_format(text, size, "%s, ",
                                    data->type == SOCK_STREAM  ? "stream"
                                    : data->type == SOCK_DGRAM ? "datagram"
                                                               : "seqpacket");

    if (other != CKPT_NONE)
        length += ckpt_raw_format(text + length, size - length, "the other end is %d",
                                  image->fds[other].number);
    else
        length += ckpt_raw_format(text + length, size - length, "%s",
                                  data->flags & OTHER_END_CLOSED ? "the other end is closed"
                                                                 : "not connected");
    ckpt_unix_queue_is_valid(data + 1, entry->data.size - sizeof *data, &count);
    if (count && data->type == SOCK_STREAM)
        ckpt_raw_format(text + length, size - length, ", %u bytes not read yet",
                        ((const struct ckpt_unix_message *)(data + 1))->size);
    else if (count)
        ckpt_raw_format(text + length, size - length, ", %u messages not read yet", count);
}

/* ---- in the command ---- */

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct unix_data *data = data_of(thaw->image, entry);
    size_t index = (size_t)(entry - thaw->image->fds), other;
    int ends[2];
    long made;

    if (!data->flags) {
        made = ckpt_syscall(SYS_socket, AF_UNIX, data->type | SOCK_CLOEXEC, 0, 0, 0, 0);
        return made < 0 ? ckpt_error_set(error, (int)-made, "cannot make a socket") : (int)made;
    }
    made = ckpt_syscall(SYS_socketpair, AF_UNIX, data->type | SOCK_CLOEXEC, 0, ends, 0, 0);
    if (made < 0)
        return ckpt_error_set(error, (int)-made, "cannot make a socket pair");
    other = find_other_end(thaw->image, entry);
    /* If there is none, the other end is needed until this one has its queue. */
    if (ckpt_fd_keep_aside(thaw, other == CKPT_NONE ? index : other, ends[1], error) < 0) {
        ckpt_sys_close(ends[0]);
        return -1;
    }
    return ends[0];
}

static void set_options(int fd, const struct unix_data *data)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (data->option[i] != NO_OPTION &&
            data->option[i] != ckpt_socket_option(fd, SOL_SOCKET, options[i]))
            ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, options[i], &data->option[i],
                         sizeof data->option[i], 0);
    if (data->receive_buffer)
        ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVBUF, &data->receive_buffer, 4, 0);
    ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, data->receive_timeout,
                 sizeof data->receive_timeout, 0);
    ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, data->send_timeout,
                 sizeof data->send_timeout, 0);
}

/* What prevents sending, or may: done when the queue at the other end is complete. */
static void close_directions(int fd, const struct unix_data *data)
{
    if (data->send_buffer)
        ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDBUF, &data->send_buffer, 4, 0);
    if (data->shutdown)
        ckpt_syscall(SYS_shutdown, fd, data->shutdown - 1, 0, 0, 0, 0);
}

/* The other end that was kept aside is closed, perhaps before it has read all. */
static void close_other_end(int fd, int other, const struct unix_data *data)
{
    if (data->flags & RESET)
        ckpt_syscall(SYS_sendto, fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    ckpt_sys_close(other);
}

static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;
    const struct unix_data *data = data_of(image, entry);
    size_t index = (size_t)(entry - image->fds), other = find_other_end(image, entry);
    int from = other == CKPT_NONE ? thaw->aside[index] : image->fds[other].number;

    set_options(entry->number, data);
    if (data->flags && ckpt_unix_queue_send(from, data->type, data + 1,
                                            entry->data.size - sizeof *data, error) < 0)
        return -1;
    if (data->flags && other == CKPT_NONE)
        close_other_end(entry->number, from, data);
    if (other != CKPT_NONE && other < index)
        close_directions(image->fds[other].number, data_of(image, &image->fds[other]));
    if (other == CKPT_NONE || other < index)
        close_directions(entry->number, data);
    return ckpt_fd_set_flags(entry->number, entry->open_flags & O_NONBLOCK, error) < 0 ? -1 : 0;
}

const struct ckpt_fd_kind_row ckpt_kind_unix_socket = {
    .number = CKPT_FD_UNIX_SOCKET,
    .name = "Unix socket end",
    .policy = CKPT_POLICY_DESCRIPTOR, /* a rule about sockets would leave the other end dead */
    .is_end = true,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
};
