/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * UDP sockets, if a policy reopens them: a restore binds and connects them as before, which sends
 * nothing. Unread datagrams and multicast groups are not saved.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/rehearsal.h"
#include "engine/builtin/fd/sockets.h"

/* Options that the JDK sets; each an int. */
static const struct {
    int level, name;
    bool v6;
} options[] = {
    {SOL_SOCKET, SO_REUSEADDR, false},
    {SOL_SOCKET, SO_REUSEPORT, false},
    {SOL_SOCKET, SO_BROADCAST, false},
    {IPPROTO_IPV6, IPV6_V6ONLY, true},
};
#define OPTIONS (sizeof options / sizeof options[0])

struct udp_data {
    uint32_t family;
    int32_t option[OPTIONS];
    uint32_t local_size, peer_size; /**< 0: not bound, not connected */
    uint32_t reserved;
    uint8_t local[32], peer[32];
};
_Static_assert(sizeof(struct udp_data) == 96, "part of the image's format");

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_socket_is_inet(live, IPPROTO_UDP);
}

/*
 * Read the address of one end. Returns its size, or 0 if it has none. The port has the same offset
 * in both families.
 */
static uint32_t get_address(int call, int fd, uint8_t address[32])
{
    socklen_t size = 32;

    return ckpt_syscall(call, fd, address, &size, 0, 0, 0) == 0 &&
                   ((const struct sockaddr_in *)address)->sin_port
               ? size
               : 0;
}

static void name_live(const struct ckpt_live_fd *live, char *text, size_t size)
{
    char local[64] = "no address";
    uint8_t address[32];

    if (get_address(SYS_getsockname, live->number, address))
        ckpt_socket_address_text(address, local, sizeof local);
    ckpt_raw_format(text, size, "a UDP socket at %s", local);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct udp_data data = {.family =
                                (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN)};

    data.local_size = get_address(SYS_getsockname, live->number, data.local);
    data.peer_size = get_address(SYS_getpeername, live->number, data.peer);
    for (size_t i = 0; i < OPTIONS; i++)
        if (ckpt_socket_option_required(live->number, options[i].level, options[i].name,
                                        &data.option[i], error) < 0)
            return -1;
    return ckpt_tables_pool(&gather->tables, &data, sizeof data, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct udp_data *data = (const void *)ckpt_view_text(image, entry->data);

    return entry->data.size == sizeof *data && data->local_size <= sizeof data->local &&
           data->peer_size <= sizeof data->peer &&
           (data->family == AF_INET || data->family == AF_INET6);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct udp_data *data = (const void *)ckpt_view_text(image, entry->data);
    size_t length = ckpt_raw_format(text, size, "%s", data->local_size ? "at " : "not bound");

    if (data->local_size)
        ckpt_socket_address_text(data->local, text + length, size - length);
    length = ckpt_raw_length(text);
    if (data->peer_size) {
        length += ckpt_raw_format(text + length, size - length, ", connected to ");
        ckpt_socket_address_text(data->peer, text + length, size - length);
    }
}

static void addresses(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses)
{
    const struct udp_data *data = (const void *)ckpt_view_text(image, entry->data);

    ret_addresses->family = (int)data->family;
    ret_addresses->local_size = data->local_size;
    ret_addresses->remote_size = data->peer_size;
    __builtin_memcpy(ret_addresses->local, data->local, sizeof data->local);
    __builtin_memcpy(ret_addresses->remote, data->peer, sizeof data->peer);
}

static int cannot_bind(const struct udp_data *data, long failed, struct ckpt_error *error)
{
    char text[64];

    ckpt_socket_address_text(data->local, text, sizeof text);
    return ckpt_error_set(
        error, (int)-failed, "cannot bind to %s again%s", text,
        ckpt_socket_bind_hint(failed, "; stop the process that has this address"));
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct udp_data *data = (const void *)ckpt_view_text(thaw->image, entry->data);
    long failed = 0;
    long opened = ckpt_syscall(SYS_socket, data->family,
                               SOCK_DGRAM | SOCK_CLOEXEC | (entry->open_flags & O_NONBLOCK),
                               IPPROTO_UDP, 0, 0, 0);
    char text[64];

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a socket");
    for (size_t i = 0; i < OPTIONS; i++)
        if (!options[i].v6 || data->family == AF_INET6)
            ckpt_syscall(SYS_setsockopt, opened, options[i].level, options[i].name,
                         &data->option[i], sizeof data->option[i], 0);
    if (data->local_size && thaw->rehearsal)
        failed = ckpt_fd_rehearse_bind(thaw, (int)opened, data->local, data->local_size);
    else if (data->local_size)
        failed = ckpt_syscall(SYS_bind, opened, data->local, data->local_size, 0, 0, 0);
    if (failed < 0) {
        ckpt_sys_close((int)opened);
        return cannot_bind(data, failed, error);
    }
    if (data->peer_size)
        failed = ckpt_syscall(SYS_connect, opened, data->peer, data->peer_size, 0, 0, 0);
    if (failed < 0) {
        ckpt_sys_close((int)opened);
        ckpt_socket_address_text(data->peer, text, sizeof text);
        return ckpt_error_set(error, (int)-failed, "cannot connect the UDP socket to %s again",
                              text);
    }
    return (int)opened;
}

/* In a rehearsal, when all sockets are bound: test that they can be bound together. */
static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct udp_data *data = (const void *)ckpt_view_text(thaw->image, entry->data);
    long failed = thaw->rehearsal && data->local_size
                      ? ckpt_fd_rehearse_bind_together(thaw, entry->number, data->local,
                                                       data->local_size, false)
                      : 0;

    return failed < 0 ? cannot_bind(data, failed, error) : 0;
}

const struct ckpt_fd_kind_row ckpt_kind_udp = {
    .number = CKPT_FD_UDP,
    .name = "UDP socket",
    .policy = CKPT_POLICY_SOCKET,
    .needs_policy = true,
    .criu_keeps = CKPT_CRIU_KEEPS_UDP,
    .may_be_bound = true,
    .matches = matches,
    .name_live = name_live,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .addresses = addresses,
    .thaw = thaw,
    .finish = finish,
};
