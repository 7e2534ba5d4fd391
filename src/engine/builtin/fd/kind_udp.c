/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * UDP sockets: a restore binds and connects them as before, which sends nothing, and joins their
 * multicast groups. Unread datagrams and errors are not saved, as the network may lose them too.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/poll.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/multicast.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/rehearsal.h"
#include "engine/builtin/fd/socket_options.h"
#include "engine/builtin/fd/sockets.h"

/* The options of entries of version 0; those of version 1 are in their list. */
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
#define V6ONLY 3 /* the number of that option */

struct udp_data {
    uint32_t family;
    int32_t option[OPTIONS];
    uint32_t local_size, peer_size; /**< 0: not bound, not connected */
    uint32_t reserved;
    uint8_t local[32], peer[32];
};
_Static_assert(sizeof(struct udp_data) == 96, "part of the image's format");

/* Follows from version 1 on; after it the options, then the memberships (multicast.c). */
struct udp_more {
    char local_interface[CKPT_INTERFACE_NAME]; /**< of a link-local address; otherwise empty */
    char peer_interface[CKPT_INTERFACE_NAME];
    struct ckpt_socket_limits limits;
    uint32_t option_count, membership_count;
    uint8_t shut_down; /**< for ckpt_socket_shut() */
    uint8_t unread;    /**< datagrams waited, and are dropped */
    uint8_t reserved[6];
};
_Static_assert(sizeof(struct udp_more) == 88, "part of the image's format");

/* An entry of any version. */
struct udp {
    const struct udp_data *data;
    const struct udp_more *more; /**< NULL in version 0 */
    const struct ckpt_socket_option *options;
    const void *memberships;
};

static struct udp read_entry(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    struct udp udp = {.data = (const void *)ckpt_view_text(image, entry->data)};

    if (entry->kind_version > 0) {
        udp.more = (const void *)(udp.data + 1);
        udp.options = (const void *)(udp.more + 1);
        udp.memberships = udp.options + udp.more->option_count;
    }
    return udp;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_socket_is_inet(live, IPPROTO_UDP) &&
           ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM;
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

/* Refuse a socket whose state cannot be saved, unless a policy reopens it. True if refused. */
static bool refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    const char *unsaved = live->reopen ? NULL : ckpt_socket_options_unsaved(live->number);
    char local[64] = "no address";
    uint8_t address[32];

    if (!unsaved)
        return false;
    if (get_address(SYS_getsockname, live->number, address))
        ckpt_socket_address_text(address, local, sizeof local);
    ckpt_report_refuse(gather->report, "socket",
                       "close it in a beforeCheckpoint hook, or by a policy file, which can also "
                       "reopen it without",
                       "descriptor %d is a UDP socket at %s with %s, which cannot be restored",
                       live->number, local, unsaved);
    ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_UDP);
    return true;
}

static void scope_name(int fd, const uint8_t address[32], char name[CKPT_INTERFACE_NAME])
{
    const struct sockaddr_in6 *v6 = (const void *)address;

    ckpt_socket_interface_name(fd, v6->sin6_family == AF_INET6 ? v6->sin6_scope_id : 0, name);
}

/* What poll() reports: nothing else shows which directions are shut down. */
static void poll_state(int fd, struct udp_more *more)
{
    short events = ckpt_sys_poll(fd, POLLIN | POLLRDHUP, 0);

    more->shut_down = events & POLLHUP ? SHUT_RDWR + 1 : events & POLLRDHUP ? SHUT_RD + 1 : 0;
    more->unread = (events & POLLIN) && !more->shut_down;
}

static size_t save_options(int fd, uint32_t family, struct ckpt_socket_option *to)
{
    long like = ckpt_syscall(SYS_socket, family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP, 0, 0, 0);
    size_t count = ckpt_socket_options_save(fd, (int)like, to);

    if (like >= 0)
        ckpt_sys_close((int)like);
    return count;
}

/* Append what follows the structure from version 1 on. */
static int save_more(struct ckpt_gather *gather, int fd, const struct udp_data *data,
                     struct ckpt_array *bytes, struct ckpt_error *error)
{
    struct udp_more more = {0};
    struct ckpt_socket_option saved[CKPT_SOCKET_OPTIONS_MAX];
    size_t size = sizeof more;
    void *added;
    int joined;

    if (data->local_size)
        scope_name(fd, data->local, more.local_interface);
    if (data->peer_size)
        scope_name(fd, data->peer, more.peer_interface);
    ckpt_socket_limits_save(fd, &more.limits);
    poll_state(fd, &more);
    more.option_count = (uint32_t)save_options(fd, data->family, saved);
    size += more.option_count * sizeof saved[0];
    added = ckpt_array_add(bytes, &gather->scratch, size, error);
    if (!added)
        return -1;
    __builtin_memcpy((uint8_t *)added + sizeof more, saved, size - sizeof more);
    joined = ckpt_multicast_save(fd, bytes, &gather->scratch, error);
    if (joined < 0)
        return -1;
    more.membership_count = (uint32_t)joined;
    __builtin_memcpy(ckpt_array_at(bytes, sizeof *data), &more, sizeof more);
    return 0;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct udp_data data = {.family =
                                (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN)};
    struct ckpt_array bytes;
    void *added;

    if (refuse(gather, live))
        return 0;
    data.local_size = get_address(SYS_getsockname, live->number, data.local);
    data.peer_size = get_address(SYS_getpeername, live->number, data.peer);
    for (size_t i = 0; i < OPTIONS; i++)
        if (ckpt_socket_option_required(live->number, options[i].level, options[i].name,
                                        &data.option[i], error) < 0)
            return -1;
    ckpt_array_init(&bytes, 1);
    added = ckpt_array_add(&bytes, &gather->scratch, sizeof data, error);
    if (!added)
        return -1;
    __builtin_memcpy(added, &data, sizeof data);
    if (save_more(gather, live->number, &data, &bytes, error) < 0)
        return -1;
    return ckpt_tables_pool(&gather->tables, bytes.data, bytes.count, &entry->data, error);
}

static bool valid_more(const struct udp *udp, size_t size)
{
    const struct udp_more *more = udp->more;
    size_t used;

    if (size < sizeof *more || more->option_count > CKPT_SOCKET_OPTIONS_MAX)
        return false;
    used = sizeof *more + more->option_count * sizeof *udp->options;
    return size >= used && !more->local_interface[CKPT_INTERFACE_NAME - 1] &&
           !more->peer_interface[CKPT_INTERFACE_NAME - 1] && more->shut_down <= SHUT_RDWR + 1 &&
           ckpt_socket_options_valid(udp->options, more->option_count) &&
           ckpt_multicast_valid(udp->memberships, size - used, more->membership_count);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct udp_data *data = (const void *)ckpt_view_text(image, entry->data);
    struct udp udp;

    if (entry->data.size < sizeof *data || data->local_size > sizeof data->local ||
        data->peer_size > sizeof data->peer ||
        (data->family != AF_INET && data->family != AF_INET6))
        return false;
    if (entry->kind_version == 0)
        return entry->data.size == sizeof *data;
    if (entry->data.size < sizeof *data + sizeof(struct udp_more))
        return false;
    udp = read_entry(image, entry);
    return valid_more(&udp, entry->data.size - sizeof *data);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    struct udp udp = read_entry(image, entry);
    size_t length = ckpt_raw_format(text, size, "%s", udp.data->local_size ? "at " : "not bound");

    if (udp.data->local_size)
        ckpt_socket_address_text(udp.data->local, text + length, size - length);
    length = ckpt_raw_length(text);
    if (udp.data->peer_size) {
        length += ckpt_raw_format(text + length, size - length, ", connected to ");
        ckpt_socket_address_text(udp.data->peer, text + length, size - length);
        length = ckpt_raw_length(text);
    }
    if (!udp.more)
        return;
    ckpt_multicast_describe(udp.memberships, udp.more->membership_count, text + length,
                            size - length);
    length = ckpt_raw_length(text);
    if (udp.more->unread)
        ckpt_raw_format(text + length, size - length, ", datagrams that waited are dropped");
}

static void addresses(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses)
{
    const struct udp_data *data = (const void *)ckpt_view_text(image, entry->data);

    ret_addresses->family = (int)data->family;
    ret_addresses->protocol = IPPROTO_UDP;
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

/* Give a link-local address the number that its interface has here. */
static int set_scope(int fd, uint8_t address[32], const char *interface, struct ckpt_error *error)
{
    struct sockaddr_in6 *v6 = (void *)address;

    if (!interface[0])
        return 0;
    v6->sin6_scope_id = ckpt_socket_interface_index(fd, interface, error);
    return v6->sin6_scope_id ? 0 : -1;
}

/* The address of all interfaces, with the same port. */
static void make_wildcard(uint8_t address[32])
{
    struct sockaddr_in *v4 = (void *)address;
    struct sockaddr_in6 *v6 = (void *)address;

    if (v4->sin_family == AF_INET) {
        v4->sin_addr.s_addr = 0;
    } else {
        v6->sin6_addr = (struct in6_addr){0};
        v6->sin6_scope_id = 0;
    }
}

/*
 * Whether only connect() has given the socket its IPv6 address: bind() would have made it one for
 * IPv6 only.
 */
static bool has_implicit_address(const struct udp_data *data)
{
    const struct sockaddr_in6 *v6 = (const void *)data->local;

    return data->peer_size && v6->sin6_family == AF_INET6 && !data->option[V6ONLY] &&
           !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
}

/*
 * Bind a socket, by a function like bind(). The kernel gives a connected socket the address of the
 * interface that leads to its peer, which may be another one here: connect() finds it again.
 */
static int bind_by(long (*bind)(struct ckpt_fd_thaw *, int, const void *, uint32_t),
                   struct ckpt_fd_thaw *thaw, int fd, const struct udp *udp,
                   struct ckpt_error *error)
{
    uint32_t size = udp->data->local_size;
    uint8_t address[32];
    long failed;

    __builtin_memcpy(address, udp->data->local, sizeof address);
    if (udp->more && set_scope(fd, address, udp->more->local_interface, error) < 0)
        return -1;
    failed = has_implicit_address(udp->data) ? -EADDRNOTAVAIL : bind(thaw, fd, address, size);
    if (failed == -EADDRNOTAVAIL && udp->data->peer_size) {
        make_wildcard(address);
        failed = bind(thaw, fd, address, size);
    }
    return failed < 0 ? cannot_bind(udp->data, failed, error) : 0;
}

static long bind_once(struct ckpt_fd_thaw *thaw, int fd, const void *address, uint32_t size)
{
    return thaw->rehearsal ? ckpt_fd_rehearse_bind(thaw, fd, address, size)
                           : ckpt_syscall(SYS_bind, fd, address, size, 0, 0, 0);
}

static long bind_together(struct ckpt_fd_thaw *thaw, int fd, const void *address, uint32_t size)
{
    return ckpt_fd_rehearse_bind_together(thaw, fd, address, size, false);
}

static int connect_again(int fd, const struct udp *udp, struct ckpt_error *error)
{
    uint8_t address[32];
    char text[64];
    long failed;

    __builtin_memcpy(address, udp->data->peer, sizeof address);
    if (udp->more && set_scope(fd, address, udp->more->peer_interface, error) < 0)
        return -1;
    failed = ckpt_syscall(SYS_connect, fd, address, udp->data->peer_size, 0, 0, 0);
    if (failed == 0)
        return 0;
    ckpt_socket_address_text(address, text, sizeof text);
    return ckpt_error_set(error, (int)-failed, "cannot connect the UDP socket to %s again%s", text,
                          failed == -ENETUNREACH || failed == -EHOSTUNREACH
                              ? "; give the machine a route there, or close the socket by a policy "
                                "file"
                              : "");
}

/* Set what only entries of version 0 have. */
static void set_old_options(int fd, const struct udp_data *data)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (!options[i].v6 || data->family == AF_INET6)
            ckpt_syscall(SYS_setsockopt, fd, options[i].level, options[i].name, &data->option[i],
                         sizeof data->option[i], 0);
}

static int set_up(struct ckpt_fd_thaw *thaw, int fd, const struct udp *udp,
                  struct ckpt_error *error)
{
    const struct udp_more *more = udp->more;

    set_old_options(fd, udp->data);
    if (more && ckpt_socket_options_set(fd, udp->options, more->option_count, error) < 0)
        return -1;
    if (more)
        ckpt_socket_limits_set(fd, &more->limits);
    if ((udp->data->local_size && bind_by(bind_once, thaw, fd, udp, error) < 0) ||
        (udp->data->peer_size && connect_again(fd, udp, error) < 0))
        return -1;
    if (more) /* it fails if it is not connected, and has its effect all the same */
        ckpt_socket_shut(fd, more->shut_down);
    return more ? ckpt_multicast_join(fd, udp->memberships, more->membership_count, thaw->rehearsal,
                                      error)
                : 0;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    struct udp udp = read_entry(thaw->image, entry);
    long opened = ckpt_syscall(SYS_socket, udp.data->family,
                               SOCK_DGRAM | SOCK_CLOEXEC | (entry->open_flags & O_NONBLOCK),
                               IPPROTO_UDP, 0, 0, 0);

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a socket");
    if (set_up(thaw, (int)opened, &udp, error) < 0) {
        ckpt_sys_close((int)opened);
        return -1;
    }
    return (int)opened;
}

/* In a rehearsal, when all sockets are bound: test that they can be bound together. */
static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    struct udp udp = read_entry(thaw->image, entry);

    return thaw->rehearsal && udp.data->local_size
               ? bind_by(bind_together, thaw, entry->number, &udp, error)
               : 0;
}

const struct ckpt_fd_kind_row ckpt_kind_udp = {
    .number = CKPT_FD_UDP,
    .version = 1,
    .name = "UDP socket",
    .support =
        {
            .object = "IPv4 and IPv6; see [UDP and multicast](descriptors.md#udp-and-multicast)",
            .kept = "the addresses it is bound and connected to, options, multicast groups with "
                    "their sources, shut-down reading",
            .option = "a [policy](policies.md) that reopens it without what is refused",
            .refused = "a packet filter, SO_TXTIME, IP options, IPv6 extension headers, UDP_CORK,"
                       " UDP_ENCAP",
        },
    .policy = CKPT_POLICY_SOCKET,
    .may_be_bound = true,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .addresses = addresses,
    .thaw = thaw,
    .finish = finish,
};
