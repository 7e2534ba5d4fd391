/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Two Unix sockets that every JVM has for itself.  One end of a socketpair whose other end is
 * closed: the JDK's network code keeps it to duplicate over descriptors that it closes under a
 * waiting thread.  And the listening socket of HotSpot's attach mechanism, /tmp/.java_pidN: it is
 * made again without a name, because HotSpot looks for the name before it uses the socket, and
 * makes a new one for the new PID when the file is missing (JDK-8225690).
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/sockets.h"
#include "image/mailbox.h"

#define AUTOBIND_NAME 6 /* a zero byte and five digits: unix(7) */

enum { DEAD_PAIR = 1, ATTACH_LISTENER };

static bool peer_is_gone(int fd)
{
    struct pollfd ask = {.fd = fd, .events = POLLIN};
    struct timespec now = {0};
    int queued = 0;

    return ckpt_sys_ioctl(fd, 0x541b /* FIONREAD */, &queued) == 0 &&
           ckpt_syscall(SYS_ppoll, &ask, 1, &now, NULL, 8, 0) == 1 && (ask.revents & POLLHUP) &&
           queued == 0;
}

/* DEAD_PAIR, ATTACH_LISTENER or 0. */
static uint32_t which(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    struct sockaddr_un name = {0};
    socklen_t size = sizeof name - 1; /* its path ends with a zero byte */

    ckpt_syscall(SYS_getsockname, live->number, &name, &size, 0, 0, 0);
    if (ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN)) {
        /* in a restored process it has the name that make_listener() left to the kernel */
        bool made_here = gather->mailbox->generation && !name.sun_path[0] &&
                         size == sizeof(sa_family_t) + AUTOBIND_NAME;

        return made_here || ckpt_raw_find(name.sun_path, "/.java_pid") ? ATTACH_LISTENER : 0;
    }
    return ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
                   size <= sizeof(sa_family_t) && peer_is_gone(live->number)
               ? DEAD_PAIR
               : 0;
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    return ckpt_socket_is_unix(live) && which(gather, live) != 0;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t what = which(gather, live);

    return ckpt_tables_pool(&gather->tables, &what, sizeof what, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    uint32_t what;

    if (entry->data.size != sizeof what)
        return false;
    what = *(const uint32_t *)ckpt_view_text(image, entry->data);
    return what == DEAD_PAIR || what == ATTACH_LISTENER;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    uint32_t what = *(const uint32_t *)ckpt_view_text(image, entry->data);

    ckpt_raw_format(text, size, "%s",
                    what == DEAD_PAIR ? "one end of a pair, the other end is closed (the JDK's own)"
                                      : "HotSpot's attach listener");
}

static int make_listener(const struct ckpt_fd_thaw *thaw, struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    long opened = ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    long failed;

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a Unix socket");
    /* A name of this length only: the kernel chooses a free abstract one. */
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
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
