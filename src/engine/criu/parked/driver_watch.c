/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See driver_watch.h.  The JVM can keep neither a connection to the driver, which criu does not
 * dump, nor its PID, which may be of another namespace. So it binds a socket to an abstract name
 * and gives it away: as long as any process has it, the name is in use. A probe has a socket open
 * that is neither bound nor connected, which criu can dump.
 *
 * A restored process differs from the one that was dumped in its start time.
 */
#include "engine/criu/parked/driver_watch.h"

#include <stddef.h>

#include "base/raw.h"
#include "base/syscall.h"

static long open_socket(void)
{
    return ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
}

/* 0: not known. */
static uint64_t process_start(void)
{
    char stat[1024];

    return ckpt_raw_read_file("/proc/self/stat", stat, sizeof stat) > 0
               ? ckpt_raw_stat_field(stat, 22)
               : 0;
}

void ckpt_driver_watch_open(struct ckpt_driver_watch *ret_watch)
{
    struct ckpt_driver_watch watch = {.name = {.sun_family = AF_UNIX}};

    watch.name_size = sizeof watch.name;
    watch.process_start = process_start();
    watch.fd = (int)open_socket();
    /* Without a name in the address the kernel chooses one that is free. */
    if (watch.fd >= 0 &&
        (!watch.process_start ||
         ckpt_syscall(SYS_bind, watch.fd, &watch.name, offsetof(struct sockaddr_un, sun_path), 0, 0,
                      0) < 0 ||
         ckpt_syscall(SYS_getsockname, watch.fd, &watch.name, &watch.name_size, 0, 0, 0) < 0)) {
        ckpt_sys_close(watch.fd);
        watch.fd = -1;
    }
    *ret_watch = watch;
}

bool ckpt_driver_watch_is_over(const struct ckpt_driver_watch *watch)
{
    long fd = watch->fd < 0 ? -1 : open_socket();
    bool is_free;

    if (fd < 0)
        return false;
    is_free = ckpt_syscall(SYS_bind, fd, &watch->name, watch->name_size, 0, 0, 0) == 0;
    ckpt_sys_close((int)fd);
    /* After the probe, because the process may have been dumped in the middle of it. */
    return is_free && process_start() == watch->process_start;
}

void ckpt_driver_watch_close(const struct ckpt_driver_watch *watch)
{
    if (watch->fd >= 0)
        ckpt_sys_close(watch->fd);
}
