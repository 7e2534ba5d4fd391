/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See attach_repair.h. Runs while all threads are parked: only raw system calls.
 */
#include "hotspot/parked/attach_repair.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/own_files.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "hotspot/parked/process_files.h"

struct ckpt_attach ckpt_attach = {.listener = -1};

/*
 * Replace the socket as HotSpot does: bind it to another name first, so that no client connects
 * before it listens.
 */
static void replace_socket(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    long made = ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);

    ckpt_raw_format(name.sun_path, sizeof name.sun_path, "%s.tmp", path);
    if (made < 0)
        return;
    ckpt_syscall(SYS_unlinkat, AT_FDCWD, name.sun_path, 0, 0, 0, 0);
    if (ckpt_syscall(SYS_bind, made, &name, sizeof name, 0, 0, 0) == 0) {
        ckpt_syscall(SYS_fchmodat, AT_FDCWD, name.sun_path, 0600, 0, 0, 0);
        if (ckpt_syscall(SYS_listen, made, 5, 0, 0, 0, 0) == 0 &&
            ckpt_syscall(SYS_renameat, AT_FDCWD, name.sun_path, AT_FDCWD, path, 0, 0) == 0)
            ckpt_syscall(SYS_dup3, made, ckpt_attach.listener, O_CLOEXEC, 0, 0, 0);
        else
            ckpt_syscall(SYS_unlinkat, AT_FDCWD, name.sun_path, 0, 0, 0, 0);
    }
    ckpt_sys_close((int)made);
}

void ckpt_attach_repair(void)
{
    char path[64];
    int pid = (int)ckpt_sys_getpid();
    size_t size = (size_t)ckpt_raw_format(path, sizeof path, CKPT_ATTACH_SOCKET "%d", pid) + 1;

    if (ckpt_attach.stored_pid)
        *ckpt_attach.stored_pid = pid;
    if (ckpt_attach.socket_path && size <= ckpt_attach.socket_path_room)
        memcpy(ckpt_attach.socket_path, path, size);
    if (ckpt_attach.listener >= 0)
        replace_socket(path);
    else
        ckpt_own_files_unlink_left(path);
}
