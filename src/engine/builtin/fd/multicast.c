/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The kernel has no list of the groups of one socket. It lists those of each interface, and answers
 * with the filter of sources whether a socket has joined a group on an interface; so each pair is
 * asked for. An IPv6 socket may be in groups of both families.
 */
#include "engine/builtin/fd/multicast.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define SOURCES_MAX 64 /* as many as the kernel allows for IPv6; for IPv4 it allows 10 */

/* In the image; `source_count` addresses follow, of 16 bytes each, one of IPv4 in the first 4. */
struct membership {
    uint16_t level;   /**< IPPROTO_IP or IPPROTO_IPV6 */
    uint16_t exclude; /**< from the sources no datagrams are taken; 0: from no others */
    uint32_t source_count;
    char interface[CKPT_INTERFACE_NAME];
    uint8_t group[16];
};
_Static_assert(sizeof(struct membership) == 40, "part of the image's format");

/* As struct group_filter, whose array has another size. */
struct filter {
    uint32_t interface;
    struct sockaddr_storage group;
    uint32_t mode, count;
    struct sockaddr_storage sources[SOURCES_MAX];
};

struct saving {
    int fd, count;
    struct ckpt_array *to;
    struct ckpt_scratch *scratch;
    struct ckpt_error *error;
};

static struct filter filter; /* too large for the stack of a thread */
static struct ckpt_raw_lines lines;

static void set_address(struct sockaddr_storage *to, int level, const uint8_t *address)
{
    __builtin_memset(to, 0, sizeof *to);
    if (level == IPPROTO_IP) {
        to->ss_family = AF_INET;
        __builtin_memcpy(&((struct sockaddr_in *)to)->sin_addr, address, 4);
    } else {
        to->ss_family = AF_INET6;
        __builtin_memcpy(&((struct sockaddr_in6 *)to)->sin6_addr, address, 16);
    }
}

static void get_address(const struct sockaddr_storage *from, uint8_t address[16])
{
    if (from->ss_family == AF_INET)
        __builtin_memcpy(address, &((const struct sockaddr_in *)from)->sin_addr, 4);
    else
        __builtin_memcpy(address, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
}

/* Save the membership if the socket has joined this group on this interface. */
static int save_one(struct saving *saving, int level, uint32_t interface, const uint8_t *group)
{
    socklen_t size = sizeof filter;
    struct membership *added;
    uint8_t(*sources)[16];
    long failed;

    filter.interface = interface;
    filter.count = SOURCES_MAX;
    set_address(&filter.group, level, group);
    failed = ckpt_syscall(SYS_getsockopt, saving->fd, level, MCAST_MSFILTER, &filter, &size, 0);
    if (failed == -EADDRNOTAVAIL)
        return 0;
    if (failed < 0 || filter.count > SOURCES_MAX)
        return ckpt_error_set(saving->error, failed < 0 ? (int)-failed : E2BIG,
                              "cannot read a multicast group of descriptor %d", saving->fd);
    added = ckpt_array_add(saving->to, saving->scratch, sizeof *added + 16ul * filter.count,
                           saving->error);
    if (!added)
        return -1;
    *added = (struct membership){.level = (uint16_t)level,
                                 .exclude = filter.mode == MCAST_EXCLUDE,
                                 .source_count = filter.count};
    ckpt_socket_interface_name(saving->fd, interface, added->interface);
    get_address(&filter.group, added->group);
    sources = (void *)(added + 1);
    for (uint32_t i = 0; i < filter.count; i++)
        get_address(&filter.sources[i], sources[i]);
    saving->count++;
    return 0;
}

/* "1 lo : 1 V3" is an interface, and each line after it that begins with a tab has a group. */
static int take_v4(struct saving *saving, const char *line, uint32_t *interface)
{
    uint32_t group;

    if (*line != '\t') {
        *interface = (uint32_t)ckpt_raw_number(&line, 10); /* 0 for the line of headings */
        return 0;
    }
    ckpt_raw_blanks(&line);
    group = (uint32_t)ckpt_raw_number(&line, 16);
    return *interface ? save_one(saving, IPPROTO_IP, *interface, (const uint8_t *)&group) : 0;
}

static uint8_t hexadecimal(const char *text)
{
    char digits[3] = {text[0], text[1], 0};
    const char *at = digits;

    return (uint8_t)ckpt_raw_number(&at, 16);
}

/* "1 lo ff020000000000000000000000000001 1 0000000C 0" */
static int take_v6(struct saving *saving, const char *line, uint32_t *interface)
{
    uint8_t group[16];

    *interface = (uint32_t)ckpt_raw_number(&line, 10);
    ckpt_raw_blanks(&line);
    while (*line && *line != ' ')
        line++;
    ckpt_raw_blanks(&line);
    if (ckpt_raw_length(line) < 32)
        return 0;
    for (int i = 0; i < 16; i++)
        group[i] = hexadecimal(line + 2L * i);
    return save_one(saving, IPPROTO_IPV6, *interface, group);
}

static int save_listed(struct saving *saving, const char *path,
                       int (*take)(struct saving *, const char *, uint32_t *))
{
    long fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    uint32_t interface = 0;
    const char *line;
    int result = 0;

    if (fd == -ENOENT) /* a kernel without this family or without multicast */
        return 0;
    if (fd < 0)
        return ckpt_error_set(saving->error, (int)-fd, "cannot read %s", path);
    ckpt_raw_lines_init(&lines, (int)fd);
    while (result == 0 && (line = ckpt_raw_lines_next(&lines)))
        result = take(saving, line, &interface);
    ckpt_sys_close((int)fd);
    if (result == 0 && lines.failed)
        return ckpt_error_set(saving->error, -lines.failed, "cannot read %s", path);
    return result;
}

int ckpt_multicast_save(int fd, struct ckpt_array *to, struct ckpt_scratch *scratch,
                        struct ckpt_error *error)
{
    struct saving saving = {.fd = fd, .to = to, .scratch = scratch, .error = error};

    if (save_listed(&saving, "/proc/net/igmp", take_v4) < 0)
        return -1;
    if (ckpt_socket_option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6 &&
        save_listed(&saving, "/proc/net/igmp6", take_v6) < 0)
        return -1;
    return saving.count;
}

static const struct membership *next(const struct membership *membership)
{
    return (const void *)((const uint8_t *)(membership + 1) + 16ul * membership->source_count);
}

bool ckpt_multicast_valid(const void *data, size_t size, uint32_t count)
{
    for (const struct membership *at = data; count > 0; count--, at = next(at)) {
        if (size < sizeof *at || at->source_count > SOURCES_MAX)
            return false;
        size -= sizeof *at;
        if (size < 16ul * at->source_count || at->interface[CKPT_INTERFACE_NAME - 1] ||
            (at->level != IPPROTO_IP && at->level != IPPROTO_IPV6))
            return false;
        size -= 16ul * at->source_count;
    }
    return size == 0;
}

static void group_text(const struct membership *membership, char *text, size_t size)
{
    const uint8_t *group = membership->group;
    size_t length = 0;

    if (membership->level == IPPROTO_IP) {
        ckpt_raw_format(text, size, "%u.%u.%u.%u", group[0], group[1], group[2], group[3]);
        return;
    }
    for (int i = 0; i < 16; i += 2)
        length += ckpt_raw_format(text + length, size - length, "%s%x", i ? ":" : "",
                                  (group[i] << 8) | group[i + 1]);
}

void ckpt_multicast_describe(const void *data, uint32_t count, char *text, size_t size)
{
    size_t length = 0;

    for (const struct membership *at = data; count > 0; count--, at = next(at)) {
        char group[64];

        group_text(at, group, sizeof group);
        length +=
            ckpt_raw_format(text + length, size - length, ", in %s on %s", group, at->interface);
    }
}

/* Add a source to a group: to those from which datagrams are taken, or to those from which not. */
static long add_source(int fd, const struct membership *membership, uint32_t interface,
                       const uint8_t *source)
{
    struct group_source_req request = {.gsr_interface = interface};

    set_address(&request.gsr_group, membership->level, membership->group);
    set_address(&request.gsr_source, membership->level, source);
    return ckpt_syscall(SYS_setsockopt, fd, membership->level,
                        membership->exclude ? MCAST_BLOCK_SOURCE : MCAST_JOIN_SOURCE_GROUP,
                        &request, sizeof request, 0);
}

static long join(int fd, const struct membership *membership, uint32_t interface)
{
    const uint8_t(*sources)[16] = (const void *)(membership + 1);
    struct group_req request = {.gr_interface = interface};
    long failed = 0;

    set_address(&request.gr_group, membership->level, membership->group);
    if (membership->exclude)
        failed = ckpt_syscall(SYS_setsockopt, fd, membership->level, MCAST_JOIN_GROUP, &request,
                              sizeof request, 0);
    for (uint32_t i = 0; i < membership->source_count && failed == 0; i++)
        failed = add_source(fd, membership, interface, sources[i]);
    return failed;
}

static const char *join_hint(long failed)
{
    return failed == -ENODEV    ? "; the interface has no address of this family"
           : failed == -ENOBUFS ? "; raise net.ipv4.igmp_max_memberships"
                                : "";
}

int ckpt_multicast_join(int fd, const void *data, uint32_t count, bool rehearsal,
                        struct ckpt_error *error)
{
    for (const struct membership *at = data; count > 0; count--, at = next(at)) {
        uint32_t interface = ckpt_socket_interface_index(fd, at->interface, error);
        long failed = 0;
        char group[64];

        if (!interface)
            return -1;
        if (!rehearsal)
            failed = join(fd, at, interface);
        group_text(at, group, sizeof group);
        if (failed < 0)
            return ckpt_error_set(error, (int)-failed,
                                  "cannot join the multicast group %s on the interface '%s' "
                                  "again%s",
                                  group, at->interface, join_hint(failed));
    }
    return 0;
}
