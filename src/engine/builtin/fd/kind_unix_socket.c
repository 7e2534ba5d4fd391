/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix sockets that do not depend on another process: those whose other end is in this process too,
 * those whose other end is closed, and stream sockets that are not connected.  Both ends are kept
 * with their names and what is queued in them; a closed end stays closed, and the open one finds
 * what it would have found.
 */
#include "engine/builtin/fd/kind_unix_socket.h"

#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/thaw_steps.h"
#include "engine/builtin/fd/unix_options.h"
#include "engine/builtin/fd/unix_queue.h"
#include "engine/builtin/fd/unix_state.h"

enum {
    OTHER_END = 1,
    OTHER_END_CLOSED = 2,
    RESET = 4,
    ACCEPTED = 8, /* its name is that of the listener, to which it is not bound */
    ALL_FLAGS = 15
};

struct unix_data {
    uint16_t type, flags;
    uint32_t reserved;
    uint64_t peer; /**< inode of the other end */
    struct ckpt_unix_options options;
    struct ckpt_unix_name name;
};
_Static_assert(sizeof(struct unix_data) == 352, "part of the image's format");

/* ---- in the JVM ---- */

static bool is_kept(const struct ckpt_unix_state *state)
{
    return state->end == CKPT_UNIX_PAIRED ||
           (state->end == CKPT_UNIX_CLOSED && (state->type != SOCK_DGRAM || !state->name.size)) ||
           (state->end == CKPT_UNIX_NONE && state->type != SOCK_DGRAM);
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct ckpt_unix_state state;

    if (!ckpt_socket_is_unix(live))
        return false;
    ckpt_unix_state_read((struct ckpt_gather *)gather, live, &state);
    return is_kept(&state);
}

/* If both ends have a name, the one that was accepted has that of a listener, if that is there. */
static bool is_accepted(struct ckpt_gather *gather, const struct ckpt_unix_state *state)
{
    return state->type != SOCK_DGRAM && state->end != CKPT_UNIX_NONE && state->name.size &&
           (!state->peer_name.size ||
            ckpt_unix_is_own_name(gather, &state->name, state->type, true));
}

/* Only the other end can send to this one now, but others may have done so before. */
static bool is_all_from_peer(const struct ckpt_unix_state *state, const void *messages, size_t size)
{
    struct ckpt_unix_queued message;
    size_t at = 0;

    while (state->type == SOCK_DGRAM && ckpt_unix_queue_next(messages, size, &at, &message))
        if (message.sender_size != state->peer_name.size ||
            __builtin_memcmp(message.sender, state->peer_name.address, message.sender_size) != 0)
            return false;
    return true;
}

static const char *why_not(struct ckpt_gather *gather, const struct ckpt_unix_state *state,
                           const void *messages, size_t size)
{
    if (state->failed && (state->end != CKPT_UNIX_CLOSED || state->type == SOCK_DGRAM))
        return "has an error that was not read yet";
    if (!is_all_from_peer(state, messages, size))
        return "has messages queued of more than one sender";
    if (gather->parked && state->end == CKPT_UNIX_PAIRED &&
        ckpt_unix_queue_lacks_empty(ckpt_unix_find(gather, state->diag.peer), state->type, messages,
                                    size))
        return "has empty messages queued that were peeked at before";
    return NULL;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_unix_state state;
    struct unix_data data;

    ckpt_unix_state_read(gather, live, &state);
    ckpt_unix_state_find_file(&state);
    data = (struct unix_data){.type = (uint16_t)state.type,
                              .flags = is_accepted(gather, &state) ? ACCEPTED : 0,
                              .peer = state.diag.peer,
                              .name = state.name};
    if (state.end == CKPT_UNIX_PAIRED)
        data.flags |= OTHER_END;
    else if (state.end == CKPT_UNIX_CLOSED)
        data.flags |= OTHER_END_CLOSED | (state.failed ? RESET : 0);
    ckpt_unix_options_get(live->number, &state.diag, &data.options);
    return ckpt_unix_queue_save(gather, live, &state, &data, sizeof data, why_not, entry, error);
}

/* ---- in an image ---- */

static const struct unix_data *data_of(const struct ckpt_image_view *image,
                                       const struct ckpt_image_fd *entry)
{
    return (const void *)ckpt_view_text(image, entry->data);
}

const struct ckpt_unix_name *ckpt_unix_socket_name(const struct ckpt_image_view *image,
                                                   const struct ckpt_image_fd *entry)
{
    return entry->kind == CKPT_FD_UNIX_SOCKET && data_of(image, entry)->type == SOCK_DGRAM
               ? &data_of(image, entry)->name
               : NULL;
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct unix_data *data = data_of(image, entry);
    uint32_t count;

    return entry->data.size >= sizeof *data && !(data->flags & ~ALL_FLAGS) &&
           data->options.shutdown <= 3 && ckpt_unix_name_is_valid(&data->name) &&
           (data->type == SOCK_STREAM || data->type == SOCK_DGRAM ||
            data->type == SOCK_SEQPACKET) &&
           ckpt_unix_queue_is_valid(data + 1, entry->data.size - sizeof *data, &count);
}

static bool is_other_end(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                         size_t index)
{
    const struct ckpt_image_fd *other = &image->fds[index];

    return index < image->fd_count && other->kind == CKPT_FD_UNIX_SOCKET &&
           other->inode == data_of(image, entry)->peer && other->same_as == CKPT_NONE &&
           data_of(image, other)->peer == entry->inode &&
           data_of(image, other)->type == data_of(image, entry)->type;
}

/*
 * The index of the other end, or CKPT_NONE if it is not in the image, or is closed by a policy.
 * Usually it is near, so the search goes in both directions.
 */
static uint32_t find_other_end(const struct ckpt_image_view *image,
                               const struct ckpt_image_fd *entry)
{
    size_t index = (size_t)(entry - image->fds);

    if (!(data_of(image, entry)->flags & OTHER_END))
        return CKPT_NONE;
    for (size_t i = 1; i < image->fd_count; i++) {
        if (is_other_end(image, entry, index + i))
            return (uint32_t)(index + i);
        if (i <= index && is_other_end(image, entry, index - i))
            return (uint32_t)(index - i);
    }
    return CKPT_NONE;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct unix_data *data = data_of(image, entry);
    uint32_t other = find_other_end(image, entry);
    struct ckpt_unix_text name;
    size_t length = ckpt_raw_format(text, size, "%s, ",
                                    data->type == SOCK_STREAM  ? "stream"
                                    : data->type == SOCK_DGRAM ? "datagram"
                                                               : "seqpacket");

    if (data->name.size)
        length += ckpt_raw_format(text + length, size - length, "'%s', ",
                                  ckpt_unix_name_text(&data->name, &name));
    if (other != CKPT_NONE)
        length += ckpt_raw_format(text + length, size - length, "the other end is %d",
                                  image->fds[other].number);
    else
        length += ckpt_raw_format(text + length, size - length, "%s",
                                  data->flags & OTHER_END_CLOSED ? "the other end is closed"
                                                                 : "not connected");
    ckpt_unix_queue_describe(data + 1, entry->data.size - sizeof *data, data->type, text + length,
                             size - length);
}

/* ---- in the command ---- */

/* Make both ends; ret_ends[0] is that of the entry. */
static long make_ends(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                      uint32_t other, int ret_ends[2])
{
    static const struct ckpt_unix_name none;
    const struct unix_data *data = data_of(thaw->image, entry);
    const struct ckpt_unix_name *other_name = &none;
    int swapped[2];
    long failed;

    if (other == CKPT_NONE && data->type == SOCK_DGRAM) /* others may still send to its name */
        return ckpt_unix_name_pair(thaw, data->type, &data->name, &none, ret_ends);
    if (other == CKPT_NONE) /* a connection that has ended does without its name */
        return ckpt_syscall(SYS_socketpair, AF_UNIX, data->type | SOCK_CLOEXEC, 0, ret_ends, 0, 0);
    other_name = &data_of(thaw->image, &thaw->image->fds[other])->name;
    if ((data->flags & ACCEPTED) || !other_name->size)
        return ckpt_unix_name_pair(thaw, data->type, &data->name, other_name, ret_ends);
    failed = ckpt_unix_name_pair(thaw, data->type, other_name, &data->name, swapped);
    ret_ends[0] = swapped[1];
    ret_ends[1] = swapped[0];
    return failed;
}

static long make_unconnected(const struct ckpt_fd_thaw *thaw, const struct unix_data *data)
{
    long failed, made = ckpt_syscall(SYS_socket, AF_UNIX, data->type | SOCK_CLOEXEC, 0, 0, 0, 0);

    if (made < 0 || !data->name.size)
        return made;
    failed = ckpt_unix_name_bind(thaw, (int)made, data->type, &data->name);
    if (failed < 0)
        ckpt_sys_close((int)made);
    return failed < 0 ? failed : made;
}

static int cannot_make(const struct unix_data *data, long failed, struct ckpt_error *error)
{
    return data->name.size ? ckpt_unix_name_cannot_bind(&data->name, failed, error)
                           : ckpt_error_set(error, (int)-failed, "cannot make a Unix socket");
}

static int send_queue(int from, const struct ckpt_image_fd *entry, const struct unix_data *data,
                      struct ckpt_error *error)
{
    struct ckpt_unix_queued message;
    size_t at = 0;

    while (ckpt_unix_queue_next(data + 1, entry->data.size - sizeof *data, &at, &message))
        if (ckpt_unix_queue_send(from, data->type, &message, NULL, 0, error) < 0)
            return -1;
    return 0;
}

/* A datagram comes with the name of its sender. */
static void name_sender(const struct ckpt_fd_thaw *thaw, int fd, const struct ckpt_image_fd *entry,
                        const struct unix_data *data)
{
    struct ckpt_unix_queued message;
    size_t at = 0;

    if (data->type == SOCK_DGRAM && !thaw->rehearsal &&
        ckpt_unix_queue_next(data + 1, entry->data.size - sizeof *data, &at, &message) &&
        message.sender_size)
        ckpt_unix_name_lend(fd, message.sender, message.sender_size);
}

/* The end at @ends[1] sends what it has sent, and is closed, perhaps before it has read all. */
static int close_other_end(const struct ckpt_fd_thaw *thaw, const int ends[2],
                           const struct ckpt_image_fd *entry, const struct unix_data *data,
                           struct ckpt_error *error)
{
    int result;

    ckpt_unix_options_set(ends[0], &data->options);
    name_sender(thaw, ends[1], entry, data);
    result = send_queue(ends[1], entry, data, error);
    if (data->flags & RESET)
        ckpt_syscall(SYS_sendto, ends[0], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    ckpt_sys_close(ends[1]);
    return result;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct unix_data *data = data_of(thaw->image, entry);
    uint32_t other = find_other_end(thaw->image, entry);
    bool connected = data->flags & (OTHER_END | OTHER_END_CLOSED);
    int ends[2] = {-1, -1}, result;
    long made = connected ? make_ends(thaw, entry, other, ends) : make_unconnected(thaw, data);

    if (made < 0)
        return cannot_make(data, made, error);
    if (!connected)
        return (int)made;
    result = other == CKPT_NONE ? close_other_end(thaw, ends, entry, data, error)
                                : ckpt_fd_keep_aside(thaw, other, ends[1], error);
    if (result == 0)
        return ends[0];
    ckpt_sys_close(ends[0]);
    return -1;
}

int ckpt_unix_socket_connect_first(struct ckpt_fd_thaw *thaw, size_t from,
                                   const struct ckpt_unix_name *name, struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;

    for (size_t i = from; i < image->fd_count; i++) {
        const struct ckpt_image_fd *entry = &image->fds[i];
        uint32_t other;
        int ends[2];

        if (entry->kind != CKPT_FD_UNIX_SOCKET || entry->same_as != CKPT_NONE ||
            thaw->aside[i] >= 0 || !(data_of(image, entry)->flags & ACCEPTED) ||
            !ckpt_unix_name_same(&data_of(image, entry)->name, name))
            continue;
        other = find_other_end(image, entry);
        if (other == CKPT_NONE || make_ends(thaw, entry, other, ends) < 0)
            continue; /* thaw() tries it again, and reports it */
        if (ckpt_fd_keep_aside(thaw, i, ends[0], error) < 0 ||
            ckpt_fd_keep_aside(thaw, other, ends[1], error) < 0)
            return -1;
    }
    return 0;
}

/* Both ends are at their numbers. */
static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;
    const struct unix_data *data = data_of(image, entry);
    uint32_t other = find_other_end(image, entry);

    if (other != CKPT_NONE || !(data->flags & (OTHER_END | OTHER_END_CLOSED)))
        ckpt_unix_options_set(entry->number, &data->options);
    if (other != CKPT_NONE && send_queue(image->fds[other].number, entry, data, error) < 0)
        return -1;
    return ckpt_fd_set_flags(entry->number, entry->open_flags & O_NONBLOCK, error) < 0 ? -1 : 0;
}

/* Every queue is complete; this end may have sent messages to other sockets too. */
static int settle(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    (void)error;
    ckpt_unix_options_close(entry->number, &data_of(thaw->image, entry)->options);
    return 0;
}

/* A connection that was accepted may be made before either end is thawed. */
static bool both_aside(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return data_of(image, entry)->flags & ACCEPTED;
}

const struct ckpt_fd_kind_row ckpt_kind_unix_socket = {
    .number = CKPT_FD_UNIX_SOCKET,
    .name = "Unix socket end",
    .support =
        {
            .object = "stream, datagram and seqpacket sockets whose [other end is in the "
                      "JVM](descriptors.md#unix-sockets) too, or is closed, and new ones",
            .kept = "names, unread bytes and messages in both directions, directions that are "
                    "shut down, the end or the reset that was not read yet, options, SO_PASSCRED,"
                    " SO_PEEK_OFF",
            .refused = "unread descriptors (SCM_RIGHTS), an urgent byte, more than 16 MiB unread",
        },
    .policy = CKPT_POLICY_DESCRIPTOR, /* a rule about sockets would leave the other end dead */
    .is_end = true,
    .both_aside = both_aside,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
    .settle = settle,
};
