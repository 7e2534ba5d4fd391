/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See unix_diag.h.
 */
#include "engine/builtin/fd/unix_diag.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include "base/descriptors.h"
#include "base/syscall.h"
#include "engine/builtin/fd/gather_steps.h"
#include "engine/builtin/fd/walk.h"

#define PART_SIZE ((size_t)32 << 10) /* of a dump; the kernel makes no larger ones */
#define MANY 64                      /* sockets of this process, from which on a dump is faster */

struct request {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

static void take_attribute(const struct nlattr *attribute, struct ckpt_unix_diag *diag)
{
    const void *value = attribute + 1;
    size_t size = attribute->nla_len - sizeof *attribute;
    struct unix_diag_rqlen queues;

    if (attribute->nla_type == UNIX_DIAG_PEER && size >= sizeof(uint32_t)) {
        diag->peer = *(const uint32_t *)value;
    } else if (attribute->nla_type == UNIX_DIAG_VFS && size >= sizeof(struct unix_diag_vfs)) {
        diag->file = ((const struct unix_diag_vfs *)value)->udiag_vfs_ino;
    } else if (attribute->nla_type == UNIX_DIAG_RQLEN && size >= sizeof queues) {
        __builtin_memcpy(&queues, value, sizeof queues);
        diag->waiting = queues.udiag_rqueue;
        diag->backlog = queues.udiag_wqueue;
    } else if (attribute->nla_type == UNIX_DIAG_SHUTDOWN && size >= 1) {
        diag->shutdown = *(const uint8_t *)value;
    }
}

static bool parse(const struct nlmsghdr *header, size_t size, struct ckpt_unix_diag *ret_diag)
{
    size_t at = NLMSG_ALIGN(sizeof *header) + NLMSG_ALIGN(sizeof(struct unix_diag_msg));

    if (size < at || header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    *ret_diag = (struct ckpt_unix_diag){.peer = 0};
    while (at + sizeof(struct nlattr) <= size) {
        const struct nlattr *attribute = (const void *)((const char *)header + at);

        if (attribute->nla_len < sizeof *attribute || attribute->nla_len > size - at)
            break;
        take_attribute(attribute, ret_diag);
        at += NLA_ALIGN(attribute->nla_len);
    }
    return true;
}

/* Ask about one socket, or about all with NLM_F_DUMP; returns a socket for the answer. */
static long ask(uint16_t flags, uint64_t inode)
{
    struct request request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | flags},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = ~0u,
                 .udiag_ino = (uint32_t)inode,
                 .udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN,
                 .udiag_cookie = {~0u, ~0u}},
    };
    long sent, fd = ckpt_syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG,
                                 0, 0, 0);

    if (fd < 0)
        return fd;
    sent = ckpt_syscall(SYS_sendto, fd, &request, sizeof request, 0, NULL, 0);
    if (sent == sizeof request)
        return fd;
    ckpt_sys_close((int)fd);
    return sent < 0 ? sent : -EIO;
}

/* The kernel has answered when the request is sent, or has the next part when one is read. */
static long receive(long fd, void *answer, size_t size)
{
    return ckpt_syscall(SYS_recvfrom, fd, answer, size, MSG_DONTWAIT, NULL, 0);
}

static bool ask_about(uint64_t inode, struct ckpt_unix_diag *ret_diag)
{
    _Alignas(8) char answer[1024];
    long got, fd = ask(0, inode);

    if (fd < 0)
        return false;
    got = receive(fd, answer, sizeof answer);
    ckpt_sys_close((int)fd);
    return got > 0 && parse((const void *)answer, (size_t)got, ret_diag);
}

/* ---- the sockets of this process, ascending by inode ---- */

struct ckpt_unix_own {
    uint64_t inode;
    int number;
    bool known; /* what the kernel reports about it was asked for already */
    struct ckpt_unix_diag diag;
};

/* Where @inode is in the array, or would be. */
static size_t place(const struct ckpt_array *sockets, uint64_t inode)
{
    size_t low = 0, high = sockets->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (((const struct ckpt_unix_own *)ckpt_array_at(sockets, middle))->inode < inode)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int add(struct ckpt_gather *gather, int number, struct ckpt_error *error)
{
    struct ckpt_array *sockets = &gather->fd_walk->sockets;
    struct ckpt_unix_own *at;
    struct stat status;
    size_t index;

    if (ckpt_fd_is_agents(gather, number) || ckpt_sys_fstat(number, &status) < 0 ||
        !S_ISSOCK(status.st_mode))
        return 0;
    index = place(sockets, status.st_ino);
    if (!ckpt_array_add(sockets, &gather->scratch, 1, error))
        return -1;
    at = ckpt_array_at(sockets, index);
    __builtin_memmove(at + 1, at, (sockets->count - 1 - index) * sizeof *at);
    at->inode = status.st_ino;
    at->number = number;
    return 0;
}

/* Take the answers in one part of a dump; false: it was the last one. */
static bool take_part(struct ckpt_array *sockets, const char *part, size_t size)
{
    size_t at = 0;

    while (at + sizeof(struct nlmsghdr) <= size) {
        const struct nlmsghdr *header = (const void *)(part + at);
        const struct unix_diag_msg *message = NLMSG_DATA(header);
        struct ckpt_unix_own *own;
        size_t index;

        if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len > size - at ||
            header->nlmsg_len < sizeof *header + sizeof *message)
            return false;
        index = place(sockets, message->udiag_ino);
        own = ckpt_array_at(sockets, index);
        if (index < sockets->count && own->inode == message->udiag_ino)
            own->known = parse(header, header->nlmsg_len, &own->diag);
        at += NLMSG_ALIGN(header->nlmsg_len);
    }
    return true;
}

/*
 * Ask about all sockets of the machine at once: to find one, the kernel passes over all of them,
 * which would take seconds if this process has thousands.
 */
static int ask_about_all(struct ckpt_gather *gather, struct ckpt_error *error)
{
    char *part = ckpt_scratch_take(&gather->scratch, PART_SIZE, error);
    long got, fd;

    if (!part)
        return -1;
    fd = ask(NLM_F_DUMP, 0);
    if (fd < 0)
        return 0; /* so will be the question about each of them */
    do
        got = receive(fd, part, PART_SIZE);
    while (got > 0 && take_part(&gather->fd_walk->sockets, part, (size_t)got));
    ckpt_sys_close((int)fd);
    return 0;
}

static int list(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct ckpt_descriptors *list = ckpt_scratch_take(&gather->scratch, sizeof *list, error);
    int result = 0;

    if (!list)
        return -1;
    ckpt_array_init(&gather->fd_walk->sockets, sizeof(struct ckpt_unix_own));
    ckpt_descriptors_open_own(list);
    while (result == 0 && ckpt_descriptors_next(list))
        result = add(gather, list->number, error);
    ckpt_descriptors_close(list);
    if (result == 0 && gather->fd_walk->sockets.count >= MANY)
        result = ask_about_all(gather, error);
    return result < 0 || list->failed ? -1 : 0;
}

/* The sockets, listed if they are not yet; NULL: they cannot be listed. */
static struct ckpt_array *listed(struct ckpt_gather *gather)
{
    struct ckpt_array *sockets = &gather->fd_walk->sockets;
    struct ckpt_error error;

    return sockets->element || list(gather, &error) == 0 ? sockets : NULL;
}

static const struct ckpt_unix_own *find(struct ckpt_gather *gather, uint64_t inode)
{
    struct ckpt_array *sockets = listed(gather);
    size_t index = sockets ? place(sockets, inode) : 0;
    const struct ckpt_unix_own *found;

    if (!sockets || index == sockets->count)
        return NULL;
    found = ckpt_array_at(sockets, index);
    return found->inode == inode ? found : NULL;
}

bool ckpt_unix_diag(struct ckpt_gather *gather, uint64_t inode, struct ckpt_unix_diag *ret_diag)
{
    const struct ckpt_unix_own *own = find(gather, inode);

    if (!own || !own->known)
        return ask_about(inode, ret_diag);
    *ret_diag = own->diag;
    return true;
}

int ckpt_unix_find(struct ckpt_gather *gather, uint64_t inode)
{
    const struct ckpt_unix_own *own = find(gather, inode);

    return own ? own->number : -1;
}

int ckpt_unix_find_by(struct ckpt_gather *gather, bool (*matches)(void *context, int fd),
                      void *context)
{
    const struct ckpt_array *sockets = listed(gather);

    for (size_t i = 0; sockets && i < sockets->count; i++) {
        const struct ckpt_unix_own *own = ckpt_array_at(sockets, i);

        if (matches(context, own->number))
            return own->number;
    }
    return -1;
}
