/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix sockets that listen at a name, if a policy reopens them: a restore binds them to the name
 * again and listens.  The socket's file still exists if the JVM was killed at the end of the
 * checkpoint; it is replaced if no process listens at it.  Connections that waited to be accepted
 * are lost.  For the JVM's own listener see kind_unix_own.c.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/rehearsal.h"
#include "engine/builtin/fd/sockets.h"

#define BACKLOG 128 /* the old backlog cannot be read; the kernel limits this one to somaxconn */

struct listener_data {
    uint32_t type; /**< SOCK_STREAM or SOCK_SEQPACKET */
    uint32_t mode; /**< permissions of the file, 0: an abstract name */
    uint32_t address_size, reserved;
    uint8_t address[112];
};
_Static_assert(sizeof(struct listener_data) == 128, "part of the image's format");

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_socket_is_unix(live) && ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN);
}

static void name_live(const struct ckpt_live_fd *live, char *text, size_t size)
{
    struct sockaddr_un name = {0};
    socklen_t length = sizeof name - 1; /* so that the path ends with a zero byte */

    ckpt_syscall(SYS_getsockname, live->number, &name, &length, 0, 0, 0);
    ckpt_raw_format(text, size, "a Unix socket ('%s')",
                    name.sun_path[0] ? name.sun_path : live->link);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct listener_data data = {
        .type = (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE)};
    const struct sockaddr_un *name = (const void *)data.address;
    socklen_t size = sizeof data.address - 2;
    struct stat status;

    if (ckpt_socket_address(live->number, data.address, &size, error) < 0)
        return -1;
    /*
     * For a path of 108 bytes, which fills the structure, the size includes a zero byte after it.
     */
    data.address_size = size > sizeof *name ? sizeof *name : size;
    if (name->sun_path[0]) {
        if (ckpt_sys_fstatat(AT_FDCWD, name->sun_path, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISSOCK(status.st_mode)) {
            ckpt_report_add(gather->report, "socket",
                            "descriptor %d listens at '%s', which no longer exists; close it by "
                            "a policy (action close)",
                            live->number, name->sun_path);
            return 0;
        }
        data.mode = status.st_mode & 07777;
    }
    return ckpt_tables_pool(&gather->tables, &data, sizeof data, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct listener_data *data = (const void *)ckpt_view_text(image, entry->data);

    return entry->data.size == sizeof *data && data->address_size > sizeof(sa_family_t) &&
           data->address_size <= sizeof(struct sockaddr_un) &&
           ((const struct sockaddr_un *)data->address)->sun_family == AF_UNIX &&
           (data->type == SOCK_STREAM || data->type == SOCK_SEQPACKET) &&
           data->address[sizeof data->address - 1] == 0 &&
           data->address[sizeof data->address - 2] == 0;
}

/* The path, or an abstract name as /proc/net/unix shows it. */
static const char *name_text(const struct listener_data *data, char text[112])
{
    uint32_t length = data->address_size - sizeof(sa_family_t);

    __builtin_memcpy(text, data->address + sizeof(sa_family_t), length);
    text[length] = '\0';
    if (!text[0])
        text[0] = '@';
    return text;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    char name[112];

    ckpt_raw_format(text, size, "listens at '%s'",
                    name_text((const void *)ckpt_view_text(image, entry->data), name));
}

static void addresses(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses)
{
    const struct listener_data *data = (const void *)ckpt_view_text(image, entry->data);

    ret_addresses->family = AF_UNIX;
    ret_addresses->listening = true;
    ret_addresses->local_size = data->address_size;
    __builtin_memcpy(ret_addresses->local, data->address, sizeof data->address);
}

/* Whether the file is a socket at which no process listens. */
static bool is_stale(const struct listener_data *data)
{
    const struct sockaddr_un *name = (const void *)data->address;
    struct stat status;
    long answer, fd;

    if (ckpt_sys_fstatat(AT_FDCWD, name->sun_path, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISSOCK(status.st_mode))
        return false;
    fd = ckpt_syscall(SYS_socket, AF_UNIX, data->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0, 0);
    if (fd < 0)
        return false;
    answer = ckpt_syscall(SYS_connect, fd, data->address, data->address_size, 0, 0, 0);
    ckpt_sys_close((int)fd);
    return answer == -ECONNREFUSED;
}

/* Bind with mode 0 first, so that the file never has more permissions than before. */
static long bind_again(int fd, const struct listener_data *data)
{
    const struct sockaddr_un *name = (const void *)data->address;
    long mask, failed;

    if (!name->sun_path[0])
        return ckpt_syscall(SYS_bind, fd, data->address, data->address_size, 0, 0, 0);
    mask = ckpt_syscall(SYS_umask, 0777, 0, 0, 0, 0, 0);
    failed = ckpt_syscall(SYS_bind, fd, data->address, data->address_size, 0, 0, 0);
    if (failed == -EADDRINUSE && is_stale(data)) {
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, name->sun_path, 0, 0, 0, 0);
        failed = ckpt_syscall(SYS_bind, fd, data->address, data->address_size, 0, 0, 0);
    }
    ckpt_syscall(SYS_umask, mask, 0, 0, 0, 0, 0);
    if (failed == 0)
        ckpt_syscall(SYS_fchmodat, AT_FDCWD, name->sun_path, data->mode & 0777, 0, 0, 0);
    return failed;
}

/* In a rehearsal: 0 if the socket could be bound to its name, or a negative error. */
static long rehearse_bind(const struct ckpt_fd_thaw *thaw, int fd, const struct listener_data *data)
{
    const char *path = ((const struct sockaddr_un *)data->address)->sun_path;
    char parent[112] = ".";
    struct stat status;
    size_t slash = ckpt_raw_length(path);
    long failed;

    if (!path[0]) {
        failed = ckpt_syscall(SYS_bind, fd, data->address, data->address_size, 0, 0, 0);
        return failed == -EADDRINUSE && thaw->original_runs ? 0 : failed;
    }
    while (slash && path[slash] != '/')
        slash--;
    if (path[0] == '/' || slash)
        ckpt_raw_format(parent, sizeof parent, "%s", path);
    parent[slash ? slash : 1] = '\0';
    failed = ckpt_fd_rehearse_access(parent, 2 | 1 /* W_OK | X_OK */);
    if (failed < 0 || ckpt_sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        thaw->original_runs)
        return failed;
    return S_ISSOCK(status.st_mode) && !ckpt_fd_rehearse_is_listener(path) ? 0 : -EADDRINUSE;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    const struct listener_data *data = (const void *)ckpt_view_text(thaw->image, entry->data);
    long failed, opened = ckpt_syscall(SYS_socket, AF_UNIX,
                                       data->type | SOCK_CLOEXEC | (entry->open_flags & O_NONBLOCK),
                                       0, 0, 0, 0);
    char name[112];

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a Unix socket");
    failed =
        thaw->rehearsal ? rehearse_bind(thaw, (int)opened, data) : bind_again((int)opened, data);
    if (failed == 0 && !thaw->rehearsal)
        failed = ckpt_syscall(SYS_listen, opened, BACKLOG, 0, 0, 0, 0);
    if (failed < 0) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, (int)-failed, "cannot listen at '%s' again%s",
                              name_text(data, name),
                              failed == -EADDRINUSE ? "; stop the process that listens there" : "");
    }
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_unix_listener = {
    .number = CKPT_FD_LISTENER,
    .name = "Unix listener",
    .policy = CKPT_POLICY_SOCKET,
    .needs_policy = true,
    .criu_keeps = CKPT_CRIU_KEEPS_UNIX,
    .matches = matches,
    .name_live = name_live,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .addresses = addresses,
    .thaw = thaw,
};
