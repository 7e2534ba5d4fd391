/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See own_files.h. Runs on any thread, also while all others are parked: raw system calls only.
 *
 * A connection to the socket shows which process listens there (SO_PEERCRED); it is closed at once.
 * If the connection fails, the file stays: the next process that uses the name replaces a socket
 * without a listener.
 */
#include "base/own_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"

#define COMPARED_SIZE 2048

/* Whether @path accepts a connection: 0 or -errno. *@ret_peer becomes its listener, or 0. */
static long connect_to(const char *path, pid_t *ret_peer)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;
    long fd, result;

    *ret_peer = 0;
    if (ckpt_raw_length(path) >= sizeof name.sun_path)
        return -ENAMETOOLONG;
    ckpt_raw_format(name.sun_path, sizeof name.sun_path, "%s", path);
    fd = ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0, 0);
    if (fd < 0)
        return fd;
    result = ckpt_syscall(SYS_connect, fd, &name, sizeof name, 0, 0, 0);
    if (result == 0 &&
        ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size, 0) == 0)
        *ret_peer = peer.pid;
    ckpt_sys_close((int)fd);
    return result;
}

void ckpt_own_files_unlink_socket(const char *path)
{
    pid_t peer;

    if (connect_to(path, &peer) == 0 && peer == ckpt_sys_getpid())
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, path, 0, 0, 0, 0);
}

void ckpt_own_files_unlink_left(const char *path)
{
    pid_t peer;

    if (connect_to(path, &peer) == -ECONNREFUSED)
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, path, 0, 0, 0, 0);
}

/* On overlayfs /proc/self/maps and stat() may show different inodes, so the content is compared. */
static bool is_mapped_at(const char *path, uint64_t start)
{
    char here[COMPARED_SIZE], there[COMPARED_SIZE];
    long fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    long got = fd < 0 ? fd : ckpt_sys_pread((int)fd, there, COMPARED_SIZE, 0);

    if (fd >= 0)
        ckpt_sys_close((int)fd);
    return got == COMPARED_SIZE && ckpt_raw_peek(here, start, COMPARED_SIZE) == 0 &&
           memcmp(here, there, COMPARED_SIZE) == 0;
}

void ckpt_own_files_unlink(const char *path, uint64_t inode, uint64_t start)
{
    struct stat status;

    if (ckpt_sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        (status.st_ino == inode || is_mapped_at(path, start)))
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, path, 0, 0, 0, 0);
}
