/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See default_close.h.  The process that is frozen keeps these descriptors: if it continues, its
 * clients notice nothing.  In the restored process the thread that serves a client of JMX finds
 * its connection closed, as when the client goes away, and the client makes a new one.
 *
 * Inherited descriptors are those that a terminal, a build tool or a CI system has left open. Only
 * what the JVM finds at its start, and without close-on-exec, counts: later a descriptor may be any
 * thread's, and the JDK opens sockets and pipes without that flag too. Files do not count, because
 * the JVM has opened some by then, without the flag too (lib/modules, -XX:LogFile).
 */
#include "engine/builtin/fd/default_close.h"

#include <fcntl.h>

#include "base/descriptors.h"
#include "base/syscall.h"
#include "engine/parked/reconnecting.h"

bool ckpt_fd_reconnects(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    return S_ISSOCK(live->status.st_mode) &&
           ckpt_reconnects(live->number, gather->reconnecting_ports,
                           gather->reconnecting_port_count);
}

bool ckpt_fd_accepts_again(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    return S_ISSOCK(live->status.st_mode) &&
           ckpt_accepts_again(live->number, gather->reconnecting_ports,
                              gather->reconnecting_port_count);
}

/* ---- inherited descriptors ---- */

/* Static, so that it is in the image. Those that do not fit are treated like any other. */
static struct {
    int number;
    uint32_t mode;
    uint64_t device, inode;
} inherited[64];
static size_t inherited_count;

static void note(int number)
{
    struct stat status;
    long flags = ckpt_sys_fcntl(number, F_GETFD, 0);

    if (flags < 0 || (flags & FD_CLOEXEC) || ckpt_sys_fstat(number, &status) < 0 ||
        S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ||
        inherited_count == sizeof inherited / sizeof inherited[0])
        return;
    inherited[inherited_count].number = number;
    inherited[inherited_count].mode = status.st_mode & S_IFMT;
    inherited[inherited_count].device = status.st_dev;
    inherited[inherited_count++].inode = status.st_ino;
}

void ckpt_fd_note_inherited(int first)
{
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open_own(&list);
    inherited_count = 0;
    while (ckpt_descriptors_next(&list))
        if (list.number >= first)
            note(list.number);
}

void ckpt_fd_forget_inherited(void)
{
    inherited_count = 0;
}

bool ckpt_fd_is_inherited(const struct ckpt_live_fd *live)
{
    for (size_t i = 0; i < inherited_count; i++)
        if (inherited[i].number == live->number)
            return inherited[i].device == live->status.st_dev &&
                   inherited[i].inode == live->status.st_ino &&
                   inherited[i].mode == (live->status.st_mode & S_IFMT);
    return false;
}
