/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked, and in the command: raw system calls only, no libc except
 * memcpy() and the like.
 *
 * See unix_options.h.
 */
#include "engine/builtin/fd/unix_options.h"

#include <sys/socket.h>

#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define NO_OPTION INT32_MIN /* the kernel does not have it */

/* Each an int; set if it differs from that of a new socket. */
static const int options[] = {
    SO_PASSCRED,  SO_PASSSEC,      76 /* SO_PASSPIDFD */, 83 /* SO_PASSRIGHTS */, SO_PEEK_OFF,
    SO_RCVLOWAT,  SO_TIMESTAMP,    SO_TIMESTAMPNS,        SO_OOBINLINE,           SO_KEEPALIVE,
    SO_REUSEADDR, 84 /* SO_INQ */, SO_BROADCAST,
};
_Static_assert(sizeof options / sizeof options[0] == CKPT_UNIX_OPTIONS, "in the image's format");

static void get(int fd, int name, void *value, socklen_t size)
{
    ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, name, value, &size, 0);
}

void ckpt_unix_options_default(struct ckpt_unix_options *ret_options)
{
    *ret_options = (struct ckpt_unix_options){.shutdown = 0};
    for (size_t i = 0; i < CKPT_UNIX_OPTIONS; i++)
        ret_options->option[i] = NO_OPTION;
}

void ckpt_unix_options_get(int fd, const struct ckpt_unix_diag *diag,
                           struct ckpt_unix_options *ret_options)
{
    ckpt_unix_options_default(ret_options);
    ret_options->shutdown = diag->shutdown;
    for (size_t i = 0; i < CKPT_UNIX_OPTIONS; i++)
        get(fd, options[i], &ret_options->option[i], sizeof ret_options->option[i]);
    ckpt_socket_limits_save(fd, &ret_options->limits);
}

void ckpt_unix_options_set(int fd, const struct ckpt_unix_options *from)
{
    for (size_t i = 0; i < CKPT_UNIX_OPTIONS; i++)
        if (from->option[i] != NO_OPTION &&
            from->option[i] != ckpt_socket_option(fd, SOL_SOCKET, options[i]))
            ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, options[i], &from->option[i],
                         sizeof from->option[i], 0);
}

void ckpt_unix_options_close(int fd, const struct ckpt_unix_options *from)
{
    ckpt_socket_limits_set(fd, &from->limits);
    if (from->shutdown)
        ckpt_syscall(SYS_shutdown, fd, from->shutdown - 1, 0, 0, 0, 0);
}
