/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix datagram sockets that are no pair (kind_unix_socket.c): not bound or bound to a name, and
 * not connected, or connected to a socket of this process or to a name of another process, such as
 * /dev/log.  There is no conversation that would have to continue, so a restore connects to that
 * name again.  Datagrams that wait are sent again by the sockets that have sent them, if these have
 * a name, and otherwise by new ones, which have the name for a moment if a policy has closed the
 * sender.  All are sent before any socket is connected or shut down: one that is connected takes
 * none of others, and cannot be connected to.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind_unix_socket.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/thaw_steps.h"
#include "engine/builtin/fd/unix_options.h"
#include "engine/builtin/fd/unix_queue.h"
#include "engine/builtin/fd/unix_state.h"

enum { TO_OWN = 1, TO_NAME, TO_CLOSED };

struct datagram_data {
    uint32_t connected; /**< 0: it is not */
    uint32_t reserved;
    uint64_t peer; /**< TO_OWN: inode of that socket */
    struct ckpt_unix_options options;
    struct ckpt_unix_name name, peer_name;
};
_Static_assert(sizeof(struct datagram_data) == 592, "part of the image's format");

/* ---- in the JVM ---- */

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct ckpt_unix_state state;

    if (!ckpt_socket_is_unix(live) ||
        ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE) != SOCK_DGRAM)
        return false;
    ckpt_unix_state_read((struct ckpt_gather *)gather, live, &state);
    return state.end == CKPT_UNIX_NONE || state.end == CKPT_UNIX_CLOSED || state.peer_name.size;
}

static const char *why_not(struct ckpt_gather *gather, const struct ckpt_unix_state *state,
                           const void *messages, size_t size)
{
    struct ckpt_unix_queued message;
    size_t at = 0;

    if (state->failed)
        return "has an error that was not read yet";
    while (ckpt_unix_queue_next(messages, size, &at, &message)) {
        struct ckpt_unix_name sender = {.size = (uint16_t)message.sender_size};

        if (!state->name.size)
            return "has messages queued, but no name to which they could be sent again";
        __builtin_memcpy(sender.address, message.sender, message.sender_size);
        if (sender.size && !ckpt_unix_is_own_name(gather, &sender, SOCK_DGRAM, false))
            return "has messages queued of a process that has another name";
    }
    return NULL;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_unix_state state;
    struct datagram_data data;

    ckpt_unix_state_read(gather, live, &state);
    ckpt_unix_state_find_file(&state);
    data = (struct datagram_data){.peer = state.diag.peer,
                                  .name = state.name,
                                  .peer_name = state.peer_name,
                                  .connected = state.end == CKPT_UNIX_NONE     ? 0
                                               : state.end == CKPT_UNIX_CLOSED ? TO_CLOSED
                                               : state.end == CKPT_UNIX_TARGET ? TO_OWN
                                                                               : TO_NAME};
    ckpt_unix_options_get(live->number, &state.diag, &data.options);
    return ckpt_unix_queue_save(gather, live, &state, &data, sizeof data, why_not, entry, error);
}

/* ---- in an image ---- */

static const struct datagram_data *data_of(const struct ckpt_image_view *image,
                                           const struct ckpt_image_fd *entry)
{
    return (const void *)ckpt_view_text(image, entry->data);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct datagram_data *data = data_of(image, entry);
    uint32_t count;

    return entry->data.size >= sizeof *data && data->connected <= TO_CLOSED &&
           data->options.shutdown <= 3 && ckpt_unix_name_is_valid(&data->name) &&
           ckpt_unix_name_is_valid(&data->peer_name) &&
           ckpt_unix_queue_is_valid(data + 1, entry->data.size - sizeof *data, &count);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct datagram_data *data = data_of(image, entry);
    struct ckpt_unix_text name;
    size_t length = data->name.size ? ckpt_raw_format(text, size, "'%s'",
                                                      ckpt_unix_name_text(&data->name, &name))
                                    : ckpt_raw_format(text, size, "without a name");

    if (data->connected == TO_CLOSED)
        length += ckpt_raw_format(text + length, size - length, ", the other end is closed");
    else if (data->connected)
        length += ckpt_raw_format(text + length, size - length, ", connected to '%s'",
                                  ckpt_unix_name_text(&data->peer_name, &name));
    ckpt_unix_queue_describe(data + 1, entry->data.size - sizeof *data, SOCK_DGRAM, text + length,
                             size - length);
}

static void addresses(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses)
{
    const struct datagram_data *data = data_of(image, entry);

    ret_addresses->family = AF_UNIX;
    ret_addresses->local_size = data->name.size;
    ret_addresses->remote_size = data->peer_name.size;
    __builtin_memcpy(ret_addresses->local, data->name.address, sizeof data->name.address);
    __builtin_memcpy(ret_addresses->remote, data->peer_name.address, sizeof data->name.address);
}

/* ---- in the command ---- */

static long new_socket(void)
{
    return ckpt_syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0, 0);
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct datagram_data *data = data_of(thaw->image, entry);
    long failed = 0, made = new_socket();

    if (made < 0)
        return ckpt_error_set(error, (int)-made, "cannot make a Unix socket");
    if (data->name.size)
        failed = ckpt_unix_name_bind(thaw, (int)made, SOCK_DGRAM, &data->name);
    if (failed == 0)
        return (int)made;
    ckpt_sys_close((int)made);
    return ckpt_unix_name_cannot_bind(&data->name, failed, error);
}

/* The name of a datagram socket of the image; NULL: the entry is none. */
static const struct ckpt_unix_name *name_of(const struct ckpt_image_view *image,
                                            const struct ckpt_image_fd *entry)
{
    return entry->kind == CKPT_FD_UNIX_DATAGRAM ? &data_of(image, entry)->name
                                                : ckpt_unix_socket_name(image, entry);
}

/* The number of the socket of this image that has sent a message, or -1. */
static int find_sender(const struct ckpt_image_view *image, const struct ckpt_unix_queued *message)
{
    for (size_t i = 0; i < image->fd_count && message->sender_size; i++) {
        const struct ckpt_unix_name *name = name_of(image, &image->fds[i]);

        if (name && name->size == message->sender_size &&
            __builtin_memcmp(name->address, message->sender, name->size) == 0)
            return image->fds[i].number;
    }
    return -1;
}

/* A socket for one message: it counts for its sender's buffer until it is read. */
static long new_sender(const struct ckpt_fd_thaw *thaw, const struct ckpt_unix_queued *message)
{
    long fd = new_socket();

    if (fd >= 0 && message->sender_size && !thaw->rehearsal)
        ckpt_unix_name_lend((int)fd, message->sender, message->sender_size);
    return fd;
}

/* Send the messages to the socket, which has its name already and is not connected yet. */
static int send_queue(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                      struct ckpt_error *error)
{
    const struct datagram_data *data = data_of(thaw->image, entry);
    size_t at = 0, size = entry->data.size - sizeof *data;
    struct ckpt_unix_queued message;
    struct ckpt_unix_name here;
    int result = 0;

    if (!size)
        return 0;
    ckpt_unix_name_reach(thaw, entry->number, &data->name, &here);
    while (result == 0 && ckpt_unix_queue_next(data + 1, size, &at, &message)) {
        int own = find_sender(thaw->image, &message);
        long from = own < 0 ? new_sender(thaw, &message) : own;

        if (from < 0)
            return ckpt_error_set(error, (int)-from, "cannot make a Unix socket");
        result =
            ckpt_unix_queue_send((int)from, SOCK_DGRAM, &message, here.address, here.size, error);
        if (own < 0)
            ckpt_sys_close((int)from);
    }
    return result;
}

static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    ckpt_unix_options_set(entry->number, &data_of(thaw->image, entry)->options);
    if (send_queue(thaw, entry, error) < 0)
        return -1;
    return ckpt_fd_set_flags(entry->number, entry->open_flags & O_NONBLOCK, error) < 0 ? -1 : 0;
}

/* ---- connecting again ---- */

/* The socket of the image to which this one was connected; NULL: it is not there any more. */
static const struct ckpt_image_fd *find_target(const struct ckpt_image_view *image,
                                               const struct datagram_data *data)
{
    for (size_t i = 0; i < image->fd_count && data->connected == TO_OWN; i++)
        if (image->fds[i].inode == data->peer && name_of(image, &image->fds[i]))
            return &image->fds[i];
    return NULL;
}

/*
 * Connect to the socket to which it was connected, or else to one that is closed then: that is what
 * it finds, too, if a policy has closed the other one.
 */
static long connect_again(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry)
{
    const struct datagram_data *data = data_of(thaw->image, entry);
    const struct ckpt_image_fd *target = find_target(thaw->image, data);
    struct ckpt_unix_name name = data->peer_name;
    long failed, closed = -1;

    if (target) {
        ckpt_unix_name_reach(thaw, target->number, name_of(thaw->image, target), &name);
    } else if (data->connected != TO_NAME) {
        closed = new_socket();
        ckpt_unix_name_reach(thaw, (int)closed, NULL, &name);
    }
    failed = ckpt_syscall(SYS_connect, entry->number, name.address, name.size, 0, 0, 0);
    if (closed >= 0)
        ckpt_sys_close((int)closed);
    return failed;
}

static bool is_connected(const struct ckpt_image_fd *entry)
{
    struct ckpt_unix_name peer;

    return ckpt_unix_name_get(SYS_getpeername, entry->number, &peer);
}

/*
 * A socket that is connected accepts no connections but that of its peer, so those to it come
 * first. The result is the socket that is to be connected next, which may be @entry.
 */
static const struct ckpt_image_fd *first_to_connect(const struct ckpt_image_view *image,
                                                    const struct ckpt_image_fd *entry)
{
    size_t steps = 0, i = 0;

    while (data_of(image, entry)->name.size && i < image->fd_count && steps < image->fd_count) {
        const struct ckpt_image_fd *other = &image->fds[i++];

        if (other->kind == CKPT_FD_UNIX_DATAGRAM && other->same_as == CKPT_NONE && other != entry &&
            data_of(image, other)->connected == TO_OWN &&
            data_of(image, other)->peer == entry->inode && !is_connected(other)) {
            entry = other;
            i = 0;
            steps++;
        }
    }
    return entry;
}

static int connect_with_others(const struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                               struct ckpt_error *error)
{
    const struct ckpt_image_fd *next;
    struct ckpt_unix_text name;
    long failed;

    do {
        next = first_to_connect(thaw->image, entry);
        failed = connect_again(thaw, next);
        if (failed < 0)
            return ckpt_error_set(
                error, (int)-failed,
                "cannot connect to '%s' again; start the process that receives there, or close the "
                "socket by a policy file",
                ckpt_unix_name_text(&data_of(thaw->image, next)->peer_name, &name));
    } while (next != entry);
    return 0;
}

/* Every queue is complete. */
static int settle(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct datagram_data *data = data_of(thaw->image, entry);

    if (data->connected && !is_connected(entry) && connect_with_others(thaw, entry, error) < 0)
        return -1;
    ckpt_unix_options_close(entry->number, &data->options);
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_unix_datagram = {
    .number = CKPT_FD_UNIX_DATAGRAM,
    .name = "Unix datagram",
    .support =
        {
            .object = "new, bound to a [name](descriptors.md#names-of-unix-sockets), or connected"
                      " to one",
            .kept = "names, options, unread datagrams; one that is connected to a name of another"
                    " process (`/dev/log`) is connected to that name again, if a process receives"
                    " there",
            .refused = "unread datagrams of a named socket of another process, or with its "
                       "credentials",
        },
    .policy = CKPT_POLICY_SOCKET,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .addresses = addresses,
    .thaw = thaw,
    .finish = finish,
    .settle = settle,
};
