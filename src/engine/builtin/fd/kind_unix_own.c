/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix sockets that the JVM makes for itself.  The first is one end of a socketpair whose other end
 * is closed: the JDK's network code duplicates it over a descriptor that is closed while a thread
 * waits on it.  The second is the listening socket of HotSpot's attach mechanism, /tmp/.java_pidN.
 * It is restored without that name: when HotSpot does not find the file for the new PID, it makes a
 * new socket (JDK-8225690).
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/unix_name.h"
#include "image/mailbox.h"

enum { DEAD_PAIR = 1, ATTACH_LISTENER };

/* Whether it was connected, its peer is closed, and nothing is left to be read. */
static bool is_peer_closed(int fd)
{
    struct sockaddr_un peer;
    socklen_t size = sizeof peer;
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    struct timespec now = {0};
    int queued = 0;

    return ckpt_syscall(SYS_getpeername, fd, &peer, &size, 0, 0, 0) == 0 &&
           size <= sizeof(sa_family_t) && ckpt_sys_ioctl(fd, 0x541b /* FIONREAD */, &queued) == 0 &&
           ckpt_syscall(SYS_ppoll, &poll, 1, &now, NULL, 8, 0) == 1 && (poll.revents & POLLHUP) &&
           !(poll.revents & POLLERR) && queued == 0;
}

/* DEAD_PAIR, ATTACH_LISTENER or 0. */
static uint32_t own_kind(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct sockaddr_un name = {0};
    socklen_t size = sizeof name - 1; /* so that the path ends with a zero byte */

    ckpt_syscall(SYS_getsockname, live->number, &name, &size, 0, 0, 0);
    if (ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN)) {
        /*
         * In a restored process it has the abstract name that the kernel chose in make_listener().
         */
        bool made_here = gather->mailbox->generation && !name.sun_path[0] &&
                         size == sizeof(sa_family_t) + CKPT_UNIX_AUTOBIND;

        return made_here || ckpt_raw_find(name.sun_path, "/.java_pid") ? ATTACH_LISTENER : 0;
    }
    return ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
                   size <= sizeof(sa_family_t) && is_peer_closed(live->number)
               ? DEAD_PAIR
               : 0;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    return ckpt_socket_is_unix(live) && own_kind(gather, live) != 0;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t kind = own_kind(gather, live);

    return ckpt_tables_pool(&gather->tables, &kind, sizeof kind, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    uint32_t kind;

    if (entry->data.size != sizeof kind)
        return false;
    kind = *(const uint32_t *)ckpt_view_text(image, entry->data);
    return kind == DEAD_PAIR || kind == ATTACH_LISTENER;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    uint32_t kind = *(const uint32_t *)ckpt_view_text(image, entry->data);

    ckpt_raw_format(text, size, "%s",
                    kind == DEAD_PAIR ? "one end of a pair, the other end is closed (the JDK's own)"
                                      : "HotSpot's attach listener");
}

static int make_listener(const struct ckpt_fd_thaw *thaw, struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    long opened = ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    long failed;

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a Unix socket");
    /* An address without a name: the kernel chooses a free abstract one. */
    failed = ckpt_syscall(SYS_bind, opened, &name, sizeof name.sun_family, 0, 0, 0);
    if (failed == 0 && !thaw->rehearsal)
        failed = ckpt_syscall(SYS_listen, opened, 5, 0, 0, 0, 0);
    if (failed < 0) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, (int)-failed, "cannot listen at a Unix socket");
    }
    return (int)opened;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    int ends[2];
    long made;

    if (*(const uint32_t *)ckpt_view_text(thaw->image, entry->data) == ATTACH_LISTENER)
        return make_listener(thaw, error);
    made =
        ckpt_syscall(SYS_socketpair, AF_UNIX,
                     SOCK_STREAM | SOCK_CLOEXEC | (entry->open_flags & O_NONBLOCK), 0, ends, 0, 0);
    if (made < 0)
        return ckpt_error_set(error, (int)-made, "cannot make a socket pair");
    ckpt_syscall(SYS_shutdown, ends[0], SHUT_RDWR, 0, 0, 0, 0);
    ckpt_sys_close(ends[1]);
    return ends[0];
}

const struct ckpt_fd_kind_row ckpt_kind_unix_own = {
    .number = CKPT_FD_UNIX,
    .name = "Unix socket",
    .support =
        {
            .object = "HotSpot's attach listener, and the JDK's pair of which one end is closed",
            .kept = "that it exists: HotSpot makes its attach socket again, under the new PID, "
                    "when a tool asks for it",
        },
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
