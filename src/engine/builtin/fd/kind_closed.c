/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * A descriptor that a policy closes, or default_close.c, or that cannot be opened again (restore
 * --missing=exception). Its number stays in use in the restored process: otherwise the next file
 * that is opened would get it, and code that still uses the number would write to that file.
 *
 * A connection becomes one that its peer has reset (ended_connection.c): the first read or write
 * fails with ECONNRESET, then reading finds the end, and writing fails with EPIPE, so that pools
 * and clients make a new one, as after a failure of the network.  One that was just being
 * established is refused.  Any other descriptor becomes one that
 * cannot be used (O_PATH): reading, writing, seeking and accepting fail with EBADF, poll() reports
 * POLLNVAL, epoll refuses it, and closing works.  It is of /dev/null and not of a directory,
 * because openat() could use a directory.
 *
 * A datagram socket becomes one that receives nothing, and cannot send: a thread that receives in a
 * loop would spin if each call failed.
 *
 * One end of a pipe, whose other end another process has, becomes one whose other end is closed:
 * the reader finds its end, and the writer gets EPIPE, as if that process had ended.
 */
#include "engine/builtin/fd/kind_closed.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/default_close.h"
#include "engine/builtin/fd/ended_connection.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/kind_pipe.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/sockets.h"

#define PLACEHOLDER "/dev/null"
#define PIPE_END 0x100 /* or with the access mode, in the place of an address family */
/* Or with an address family: */
#define SEQPACKET 0x1000  /* the type of the socket; otherwise SOCK_STREAM */
#define CONNECTING 0x2000 /* it was never established */
/* Alone: */
#define DATAGRAM 0x4000 /* a socket without connections */

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return (live->open_flags & O_PATH) && ckpt_raw_equal(live->link, PLACEHOLDER);
}

/* Whether it is one end of a connection, or was. */
bool ckpt_fd_is_connection(const struct ckpt_live_fd *live)
{
    uint8_t peer[128];
    socklen_t peer_size = sizeof peer;
    int family, type;

    if (!S_ISSOCK(live->status.st_mode))
        return false;
    family = ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN);
    type = ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE);
    if (ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN))
        return false;
    /*
     * An Internet socket that the peer has reset is not connected any more, but counts as a
     * connection.
     */
    if (family == AF_INET || family == AF_INET6)
        return type == SOCK_STREAM;
    return family == AF_UNIX && (type == SOCK_STREAM || type == SOCK_SEQPACKET) &&
           ckpt_syscall(SYS_getpeername, live->number, peer, &peer_size, 0, 0, 0) == 0;
}

/* What is saved as the position of a connection or a datagram socket; 0: it is none. */
static uint64_t saved_socket(const struct ckpt_live_fd *live)
{
    uint64_t family = (uint64_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN);
    int type = ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE);

    if (!ckpt_fd_is_connection(live))
        return S_ISSOCK(live->status.st_mode) && type == SOCK_DGRAM ? DATAGRAM : 0;
    if (type == SOCK_SEQPACKET)
        family |= SEQPACKET;
    if (ckpt_socket_tcp_state(live->number) == TCP_SYN_SENT)
        family |= CONNECTING;
    return family;
}

/* The end of a pipe whose other end is elsewhere, which is saved as the position; else 0. */
static uint64_t pipe_end(const struct ckpt_live_fd *live)
{
    return ckpt_fd_is_pipe_to_elsewhere(live) ? PIPE_END | (live->open_flags & O_ACCMODE) : 0;
}

/* "127.0.0.1:80 to 127.0.0.1:81", or the text in /proc. */
static const char *text_of(const struct ckpt_live_fd *live, char *text, size_t size)
{
    uint8_t own[128];
    socklen_t own_size = sizeof own;
    size_t length;

    if (!ckpt_fd_is_connection(live) ||
        ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN) == AF_UNIX ||
        ckpt_syscall(SYS_getsockname, live->number, own, &own_size, 0, 0, 0) < 0)
        return live->link;
    ckpt_socket_address_text(own, text, size);
    length = ckpt_raw_length(text);
    length += ckpt_raw_format(text + length, size - length, " to ");
    ckpt_socket_peer_text(live->number, text + length, size - length);
    return text;
}

int ckpt_fd_closed_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    const char *was;
    char text[160];

    entry->kind = CKPT_FD_CLOSED;
    entry->position = saved_socket(live);
    entry->kind_version = entry->position & (SEQPACKET | CONNECTING | DATAGRAM) ? 2 : 0;
    if (!entry->position && (entry->position = pipe_end(live)))
        entry->kind_version = 1;
    was = text_of(live, text, sizeof text);
    return ckpt_tables_pool(&gather->tables, was, ckpt_raw_length(was), &entry->data, error);
}

bool ckpt_fd_is_closed_pipe(const struct ckpt_image_fd *entry)
{
    return entry->kind == CKPT_FD_CLOSED && (entry->position & PIPE_END);
}

/* Save again a placeholder that an earlier restore made. */
static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    static const char before[] = "closed before";

    (void)live;
    entry->position = 0;
    return ckpt_tables_pool(&gather->tables, before, sizeof before - 1, &entry->data, error);
}

static void restored(const struct ckpt_park *park)
{
    (void)park;
    ckpt_fd_forget_inherited();
}

static bool is_internet(const struct ckpt_image_fd *entry)
{
    uint64_t family = entry->position & ~(uint64_t)CONNECTING;

    return family == AF_INET || family == AF_INET6;
}

static bool is_unix(const struct ckpt_image_fd *entry)
{
    return (entry->position & ~(uint64_t)SEQPACKET) == AF_UNIX;
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    (void)image;
    return entry->position == 0 || entry->position == DATAGRAM || is_internet(entry) ||
           is_unix(entry) || entry->position == (PIPE_END | O_RDONLY) ||
           entry->position == (PIPE_END | O_WRONLY);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    ckpt_raw_format(text, size, "it was '%s'%s", ckpt_view_text(image, entry->data),
                    entry->position & PIPE_END    ? ", one end of a pipe"
                    : entry->position == DATAGRAM ? ", a datagram socket"
                    : entry->position             ? ", a connection"
                                                  : "");
}

void ckpt_fd_close_entry(const struct ckpt_image_view *image, struct ckpt_image_fd *entry)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);
    struct ckpt_fd_addresses addresses = {.family = 0};

    if (row->addresses)
        row->addresses(image, entry, &addresses);
    entry->kind = CKPT_FD_CLOSED;
    entry->kind_version = 0;
    entry->owner = 0;
    entry->position = 0;
    if (addresses.protocol == IPPROTO_TCP && !addresses.listening)
        entry->position = (uint64_t)addresses.family;
    else if (addresses.protocol == IPPROTO_UDP)
        entry->position = DATAGRAM;
    entry->object = entry->same_as = CKPT_NONE;
}

const char *ckpt_fd_closed_effect(const struct ckpt_live_fd *live)
{
    uint64_t saved = saved_socket(live);

    return saved == DATAGRAM                    ? "it will receive nothing, and cannot send"
           : saved                              ? "it will be reset"
           : S_ISSOCK(live->status.st_mode)     ? "no client will reach it"
           : ckpt_fd_is_pipe_to_elsewhere(live) ? "it will end"
                                                : "each use of it will fail";
}

bool ckpt_fd_is_closed(const struct ckpt_image_view *image, int number)
{
    for (size_t i = 0; i < image->fd_count; i++)
        if (image->fds[i].number == number)
            return image->fds[i].kind == CKPT_FD_CLOSED && image->fds[i].position == 0;
    return false;
}

/* A pipe of which only the end with this access mode is open. */
static long open_pipe_end(const struct ckpt_image_fd *entry)
{
    int ends[2];
    long failed =
        ckpt_syscall(SYS_pipe2, ends, O_CLOEXEC | (entry->open_flags & O_NONBLOCK), 0, 0, 0, 0);
    bool reads = (entry->position & O_ACCMODE) == O_RDONLY;

    if (failed < 0)
        return failed;
    ckpt_sys_close(ends[reads]);
    return ends[!reads];
}

static long open_connection(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                            struct ckpt_error *error)
{
    const struct ckpt_ended_end end = {.how = entry->position & CONNECTING ? CKPT_ENDED_REFUSED
                                                                           : CKPT_ENDED_RESET};
    long opened = is_unix(entry)
                      ? ckpt_ended_connection_make_unix(entry->position & SEQPACKET ? SOCK_SEQPACKET
                                                                                    : SOCK_STREAM)
                      : ckpt_ended_connection_make(thaw->first_own_fd,
                                                   (int)(entry->position & ~(uint64_t)CONNECTING),
                                                   &end, error);

    if (opened >= 0)
        ckpt_sys_fcntl((int)opened, F_SETFL, entry->open_flags & O_NONBLOCK);
    return opened;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    long opened;

    if (entry->position & PIPE_END)
        opened = open_pipe_end(entry);
    else if (entry->position == DATAGRAM)
        opened =
            ckpt_syscall(SYS_socket, AF_UNIX,
                         SOCK_DGRAM | SOCK_CLOEXEC | (entry->open_flags & O_NONBLOCK), 0, 0, 0, 0);
    else if (entry->position)
        opened = open_connection(thaw, entry, error);
    else
        opened = ckpt_sys_openat(AT_FDCWD, PLACEHOLDER, O_PATH | O_CLOEXEC, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened,
                              "cannot make a placeholder for a descriptor that was closed");
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_closed = {
    .number = CKPT_FD_CLOSED,
    .version = 2, /* 1: one end of a pipe; 2: SEQPACKET, CONNECTING */
    .name = "closed",
    .support =
        {
            .object = "what a policy or `--connections=close` closes, a connection of a [JMX "
                      "client](descriptors.md#jmx-clients), and what is "
                      "[inherited](descriptors.md#inherited-descriptors)",
            .kept = "its number, on which every use fails; a connection was reset",
        },
    .always_separate = true,
    .matches = matches,
    .freeze = freeze,
    .restored = restored,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
